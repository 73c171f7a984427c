// A store in a directory of its own, and short ways to say what tests say often.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <map>

#include <doctest/doctest.h>
#include <unistd.h>

#include "store/sqlite_store.h"

namespace cordon::store {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "cordon_store_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path database() const { return path_ / "cordon.db"; }
  SqliteOptions options() const {
    SqliteOptions options;
    options.directory = path_;
    options.reserve_octets = std::uint64_t{64} * 1024;
    return options;
  }
  std::unique_ptr<Store> open() const { return open_sqlite_store(options()); }

 private:
  std::filesystem::path path_;
};

inline Answer submit_and_wait(Store& store, Batch batch) {
  // Shared: the waiter may be gone before set_value() has returned.
  const auto answer = std::make_shared<std::promise<Answer>>();
  auto future = answer->get_future();
  store.submit(std::move(batch), [answer](const Answer& a) { answer->set_value(a); });
  return future.get();
}

template <typename... Commands>
Answer run(Store& store, Commands... commands) {
  Batch batch;
  (batch.push_back(Command(std::move(commands))), ...);
  return submit_and_wait(store, std::move(batch));
}

inline WallTime at(std::int64_t seconds) { return WallTime(std::chrono::seconds(seconds)); }
inline Uptime up(std::int64_t seconds) { return Uptime(std::chrono::seconds(seconds)); }

inline smtp::Recipient to(std::string local, std::string domain) {
  return {{std::move(local), std::move(domain)}, 0, ""};
}

// A held message from the sender to one recipient; tests change what they are about.
inline Accept plain(Store& store, OriginId origin = the_gateway, std::string content = "body\r\n") {
  Accept accept;
  Message& m = accept.message;
  m.id = store.next_message_id();
  m.origin = origin;
  m.listener = "submission";
  m.session = "s1";
  m.accepted_at = at(1000);
  m.accepted_up = up(10);
  m.due = up(70);
  m.envelope.sender = {false, {"sender", "client.example"}};
  m.envelope.recipients = {to("rcpt", "example.net")};
  m.octets = content.size();
  accept.bytes = std::move(content);
  return accept;
}

inline OriginId add_origin(Store& store, std::string address) {
  Origin origin;
  origin.id = store.next_origin_id();
  origin.label = address;
  origin.first_seen = origin.last_seen = at(500);
  origin.identifiers = {{IdentifierKind::ipv4, std::move(address), at(500), {}}};
  REQUIRE(run(store, AddOrigin{origin}).ok());
  return origin.id;
}

inline MessageId accept_plain(Store& store, OriginId origin = the_gateway) {
  Accept accept = plain(store, origin);
  const MessageId id = accept.message.id;
  REQUIRE(run(store, std::move(accept)).ok());
  return id;
}

inline MessageId accept_to(Store& store, OriginId origin, std::vector<smtp::Recipient> recipients) {
  Accept accept = plain(store, origin);
  accept.message.envelope.recipients = std::move(recipients);
  const MessageId id = accept.message.id;
  REQUIRE(run(store, std::move(accept)).ok());
  return id;
}

// Text that differs from place to place and by `salt`.
inline std::string text_of_octets(std::size_t octets, std::size_t salt = 0) {
  std::string text(octets, '\0');
  for (std::size_t i = 0; i < octets; ++i) {
    text[i] = static_cast<char>('a' + (i * 7 + i / 1000 + salt * 3) % 26);
  }
  return text;
}

// The batches that bring a message with this content in, a piece each; the last one accepts it.
inline std::vector<Batch> batches_of(Store& store, const std::string& content, MessageId& id) {
  Accept accept = plain(store);
  id = accept.message.id;
  accept.message.octets = content.size();
  std::vector<Batch> batches;
  std::size_t at = 0;
  for (; content.size() - at > max_body_piece; at += max_body_piece) {
    batches.push_back({AppendBody{id, accept.piece++, content.substr(at, max_body_piece)}});
  }
  accept.bytes = content.substr(at);
  batches.push_back({Command(std::move(accept))});
  return batches;
}

inline MessageId accept_content(Store& store, const std::string& content) {
  MessageId id{};
  for (Batch& batch : batches_of(store, content, id)) {
    REQUIRE(submit_and_wait(store, std::move(batch)).ok());
  }
  return id;
}

// The result of an attempt, recipient by recipient.
inline RecordAttempt attempt(MessageId id, const std::vector<RecipientState>& states,
                             WallTime when = at(2000)) {
  RecordAttempt record{id, when, up(130), {}, true};
  for (const RecipientState state : states) {
    record.results.push_back({static_cast<std::uint32_t>(record.results.size()), state, "250 ok"});
  }
  return record;
}

inline void deliver(Store& store, MessageId id, WallTime when = at(2000)) {
  REQUIRE(run(store, Claim{{id}}, attempt(id, {RecipientState::delivered}, when)).ok());
}

inline std::string body_of(Reader& reader, MessageId id, std::size_t buffer_octets = 100'000) {
  std::string content;
  std::string buffer(buffer_octets, '\0');
  while (const std::size_t octets = reader.body(id, content.size(), buffer)) {
    content.append(buffer, 0, octets);
  }
  return content;
}

struct RaisedCordon {
  AlertId alert{};
  CordonId cordon{};
};

inline RaisedCordon raise(Store& store, OriginId origin, Epoch epoch, Epoch previous = 0,
                          CordonKind kind = CordonKind::enforced) {
  RaiseAlert command;
  command.alert.id = store.next_alert_id();
  command.alert.at = at(3000);
  command.alert.origin = origin;
  Cordon cordon;
  cordon.id = store.next_cordon_id();
  cordon.kind = kind;
  cordon.origin = origin;
  cordon.alert = command.alert.id;
  cordon.epoch = epoch;
  cordon.previous_epoch = previous;
  cordon.raised_at = at(3000);
  cordon.raised_up = up(100);
  command.alert.cordon = cordon.id;
  command.cordon = cordon;
  REQUIRE(run(store, command).ok());
  return {command.alert.id, cordon.id};
}

inline std::vector<MessageId> ids_of(const std::vector<MessageView>& views) {
  std::vector<MessageId> ids;
  ids.reserve(views.size());
  for (const MessageView& view : views) ids.push_back(view.message.id);
  return ids;
}

inline std::vector<MessageId> found(Store& store, const MessageFilter& filter) {
  return ids_of(store.reader()->messages(filter));
}

// Every file of the directory but the lock and the index of the log, which SQLite builds anew at
// each open: name and bytes.
inline std::map<std::string, std::string> bytes_of(const std::filesystem::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name == "cordon.lock" || name == "cordon.db-shm") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), {}};
    // An empty log says as much as none.
    if (!bytes.empty() || name != "cordon.db-wal") files[name] = std::move(bytes);
  }
  return files;
}

}  // namespace cordon::store
