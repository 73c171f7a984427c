// The credentials that waiting mail is delivered with: sealed in the store, their keys in a
// directory of their own (settings [credentials]). A key is destroyed when its message is settled
// or when its time to live has passed; what it sealed is gone with it, and the message waits for
// its user to log in again (the state needs-credentials). Nothing is lost by that, so whatever goes
// wrong here is logged and ends in the same state.
//
// Any thread. sweep() and sync() wait for the disk, the others only write to the system's memory.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/credentials.h"
#include "store/key_file.h"
#include "store/store.h"

namespace cordon::proxy {

class CredentialVault {
 public:
  CredentialVault(store::Store& store, std::filesystem::path directory);
  ~CredentialVault();

  // Opens the file of keys, made if there is none. Throws store::OpenError. Else the first seal()
  // does it; until then there are no keys.
  void open_keys();
  bool has_keys() const { return keys_ != nullptr; }

  // For store::SealCredentials, to be submitted after this returns. A new key each time: what was
  // sealed for the message before opens no more. Empty if no key can be made or kept: a message
  // must not be accepted on these credentials then.
  std::string seal(store::MessageId message, const smtp::Credentials& credentials);
  // Nothing if the key is gone, or if `sealed` is not what it sealed.
  std::optional<smtp::Credentials> open(store::MessageId message, std::string_view sealed);
  // The message is settled, or was not accepted. One that has no key is left alone.
  void destroy(store::MessageId message);

  // Ends what has lived its time, and brings keys and rows together again after a crash or a
  // failure: keys of messages that are settled or unknown are destroyed unless made since
  // `settled_before`, when their acceptance may be under way; sealed rows without a key are
  // dropped.
  void sweep(store::Reader& reader, store::WallTime lived_since, store::WallTime settled_before);
  // Puts on stable storage what was destroyed; about once a second.
  void sync();

 private:
  void drop(std::vector<store::MessageId> messages);

  store::Store& store_;
  const std::filesystem::path directory_;
  std::mutex opening_;
  std::unique_ptr<store::KeyFile> file_;
  std::atomic<store::KeyFile*> keys_{nullptr};  // once it is open
  // Held while a key is put, and from its end until the row's is submitted: a row that is sealed
  // anew meanwhile is submitted later, so that the drop does not take it.
  std::mutex order_;
};

}  // namespace cordon::proxy
