// The reading side of the SQLite engine: a read-only connection of its own. No read transaction
// outlives a call, so a reader never keeps the log from starting over for longer than it reads.
#pragma once

#include <filesystem>
#include <memory>

#include "store/body_reader.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace cordon::store {

// The part about messages, in message_reader.cpp; the rest in sqlite_reader.cpp.
class MessageReader {
 public:
  MessageReader(Database& db, const std::filesystem::path& directory);

  std::optional<MessageView> message(MessageId id);
  std::vector<MessageView> messages(const MessageFilter& filter);
  std::size_t body(MessageId id, std::uint64_t offset, std::span<char> buffer) {
    return bodies_.read(id, offset, buffer);
  }
  void unsettled(const std::function<void(const Unsettled&)>& row);
  void logins(const std::function<void(const LoginRow&)>& row);
  std::vector<AwaitingLogin> awaiting_login(std::string_view listener, std::string_view login,
                                            std::uint32_t limit);
  std::vector<SealedLogin> sealed_logins(std::string_view listener, std::string_view login,
                                         MessageId after, std::uint32_t limit);
  std::vector<RevocationRecord> revocations_to(OriginId origin, std::string_view recipient,
                                               WallTime since);
  std::vector<RevocationRecord> revocations(OriginId origin, WallTime since, std::string_view after,
                                            std::uint32_t limit);
  void seen_mailboxes(WallTime since, const std::function<void(const smtp::Mailbox&)>& row);

 private:
  void add_recipients(MessageView& view);

  Database& db_;
  BodyReader bodies_;
};

std::unique_ptr<Reader> make_sqlite_reader(const std::filesystem::path& directory);

}  // namespace cordon::store
