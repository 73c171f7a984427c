// The credentials that waiting mail is delivered with: sealed in the store, their keys in a
// directory of their own (settings [credentials]). A key is destroyed when its message is settled
// or when its time to live has passed; what it sealed is gone with it, and the message waits for
// its user to log in again (the state needs-credentials). Nothing is lost by that, so whatever goes
// wrong here is logged and ends in the same state.
//
// Times are of a clock that does not run ahead of the time that passes, since no wrong clock may
// end what people wait for. Any thread. sweep() and sync() wait for the disk, the others only write
// to the system's memory.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "proxy/uptime_clock.h"
#include "smtp/credentials.h"
#include "store/key_file.h"
#include "store/store.h"

namespace cordon::proxy {

struct Opened {
  std::optional<smtp::Credentials> credentials;
  bool unreadable = false;  // the key, just now: try again later
};

class CredentialVault {
 public:
  using Clock = std::function<store::WallTime()>;
  CredentialVault(store::Store& store, std::filesystem::path directory, Clock clock = SlowClock());
  ~CredentialVault();

  // Opens the file of keys, made if there is none. Throws store::OpenError. Else the first seal()
  // does it; until then there are no keys.
  void open_keys();
  bool has_keys() const { return keys_ != nullptr; }
  store::WallTime now() const { return clock_(); }

  // Of a message that is about to be accepted: for store::SealCredentials, to be submitted after
  // this returns. Empty if no key can be made or kept: it must not be accepted on these credentials
  // then.
  std::string seal(store::MessageId message, const smtp::Credentials& credentials);
  // Seals and stores anew what a message that waits is delivered with, under a new key: what was
  // sealed before opens no more. `done` on a thread of the store; not called if no key can be kept.
  void renew(store::MessageId message, const smtp::Credentials& credentials,
             store::Store::Done done);
  // No credentials if the key is gone, or if `sealed` is not what it sealed.
  Opened open(store::MessageId message, std::string_view sealed);
  // `sealed`, which may be empty, was of no use to deliver the message with: ends it, key and row.
  // But if it has been renewed since, that stays, and `renewed` is called on a thread of the store
  // once it is stored.
  void forget(store::MessageId message, std::string_view sealed, std::function<void()> renewed);
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
  // With a key that was not used before; throws std::runtime_error.
  struct Made {
    store::MessageKey key;
    std::string sealed;
  };
  static Made make(store::MessageId message, const smtp::Credentials& credentials);
  bool is_renewal_of(store::MessageId message, std::string_view sealed) const;
  void end_key(store::MessageId message);
  void drop(std::vector<store::MessageId> messages);

  store::Store& store_;
  const std::filesystem::path directory_;
  const Clock clock_;
  std::mutex opening_;
  std::unique_ptr<store::KeyFile> file_;
  std::atomic<store::KeyFile*> keys_{nullptr};  // once it is open
  // Held while keys change, and until what is to become of their rows is submitted: so rows change
  // in the order of their keys.
  std::mutex order_;
  // Sealed anew in this run, and not ended since: what their keys do not open is older than they
  // are. Any other key that does not open its row is left from a crash.
  std::unordered_set<store::MessageId> renewed_;
};

}  // namespace cordon::proxy
