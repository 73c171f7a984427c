// Sessions on a worker of their own, above a store that fails on order. What a session does when
// all is well is tested end to end in tests/integration.
#include "proxy/session.h"

#include <filesystem>
#include <future>

#include <boost/asio/buffers_iterator.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>
#include <stdlib.h>

#include "store/sqlite_store.h"

using boost::asio::ip::tcp;
using namespace cordon::proxy;
namespace store = cordon::store;

namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = "/tmp/cordon-session-XXXXXX";
    path = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

// A store that has no room for content; all else goes to a real one.
class NarrowStore : public store::Store {
 public:
  explicit NarrowStore(const Folder& folder) {
    store::SqliteOptions options;
    options.directory = folder.path;
    real_ = store::open_sqlite_store(options);
  }
  void submit(store::Batch batch, Done done) override {
    if (!std::holds_alternative<store::AppendBody>(batch.front()))
      return real_->submit(std::move(batch), std::move(done));
    done({.error = store::StoreError::full, .detail = "no room"});
    refused.set_value();
  }
  store::MessageId next_message_id() override { return real_->next_message_id(); }
  store::OriginId next_origin_id() override { return real_->next_origin_id(); }
  store::AlertId next_alert_id() override { return real_->next_alert_id(); }
  store::CordonId next_cordon_id() override { return real_->next_cordon_id(); }
  store::WarningId next_warning_id() override { return real_->next_warning_id(); }
  store::BaitId next_bait_id() override { return real_->next_bait_id(); }
  std::unique_ptr<store::Reader> reader() override { return real_->reader(); }
  std::string gateway_id() const override { return real_->gateway_id(); }
  void release_reserve() override { real_->release_reserve(); }
  bool keep_reserve() override { return real_->keep_reserve(); }

  std::promise<void> refused;

 private:
  std::unique_ptr<store::Store> real_;
};

// A session of `worker` and the client at its other end.
class Line {
 public:
  Line(Gateway& gateway, Worker& worker) {
    tcp::acceptor acceptor(context_, {boost::asio::ip::make_address("127.0.0.1"), 0});
    client_.connect(acceptor.local_endpoint());
    gateway.counters().sessions.fetch_add(1);
    const auto config = gateway.config();
    const auto session = std::make_shared<Session>(
        acceptor.accept(worker.context()), worker, gateway,
        gateway.make_peer("127.0.0.1", config->settings().listeners.front(), "s"),
        config->server_options(0), config);
    boost::asio::post(worker.context(), [session, &worker] {
      worker.add(session);
      session->start();
    });
    CHECK(reply().starts_with("220"));
  }
  void send(const std::string& bytes) { boost::asio::write(client_, boost::asio::buffer(bytes)); }
  std::string reply() {
    const auto length = boost::asio::read_until(client_, buffer_, "\r\n");
    const auto begin = boost::asio::buffers_begin(buffer_.data());
    std::string line(begin, begin + static_cast<std::ptrdiff_t>(length));
    buffer_.consume(length);
    return line;
  }
  std::string say(const std::string& line) {
    send(line + "\r\n");
    return reply();
  }

 private:
  boost::asio::io_context context_;
  tcp::socket client_{context_};
  boost::asio::streambuf buffer_;
};

}  // namespace

TEST_CASE("after a body that could not be stored a session goes on with its own commands") {
  const Folder folder;
  auto narrow = std::make_unique<NarrowStore>(folder);
  auto refused = narrow->refused.get_future();
  Settings settings;
  settings.hostname = "gw.example";
  Gateway gateway(std::make_shared<const Config>(settings), std::move(narrow));
  Worker worker;
  worker.start();
  Line one(gateway, worker);
  Line other(gateway, worker);
  REQUIRE(one.say("HELO one.example").starts_with("250"));
  REQUIRE(one.say("MAIL FROM:<a@in.example>").starts_with("250"));
  REQUIRE(one.say("RCPT TO:<b@in.example>").starts_with("250"));
  REQUIRE(one.say("DATA").starts_with("354"));
  one.send(std::string(store::max_body_piece + 1, 'x'));
  refused.wait();

  // Both lie ready when the worker looks: the other's bytes come into its buffer right after.
  std::promise<void> sent;
  boost::asio::post(worker.context(), [&] { sent.get_future().wait(); });
  one.send("\r\n.\r\nNOOP\r\n");
  other.send("BAD\r\nQUIT\r\n");
  sent.set_value();
  CHECK(one.reply().starts_with("452 4.3.1"));
  CHECK(one.reply().starts_with("250"));
  CHECK(other.reply().starts_with("500"));
  CHECK(other.reply().starts_with("221"));
  worker.stop();
}

namespace {

std::unique_ptr<store::Store> real_store(const Folder& folder) {
  store::SqliteOptions options;
  options.directory = folder.path;
  return store::open_sqlite_store(options);
}

}  // namespace

TEST_CASE("memory that runs short is told at DATA, or at the end of what was coming in") {
  const Folder folder;
  Settings settings;
  settings.hostname = "gw.example";
  settings.limits.content_memory = 1'048'576;
  Gateway gateway(std::make_shared<const Config>(settings), real_store(folder));
  Worker worker;
  worker.start();
  Line line(gateway, worker);
  REQUIRE(line.say("HELO one.example").starts_with("250"));
  REQUIRE(line.say("MAIL FROM:<a@in.example>").starts_with("250"));
  REQUIRE(line.say("RCPT TO:<b@in.example>").starts_with("250"));
  for (const char* host : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"})
    REQUIRE(gateway.intake().keep(host, 262'144, 1'048'576));
  CHECK(line.say("DATA").starts_with("452 4.3.1"));
  gateway.intake().release("192.0.2.1", 10);
  REQUIRE(line.say("RCPT TO:<b@in.example>").starts_with("250"));
  REQUIRE(line.say("DATA").starts_with("354"));
  CHECK(line.say("more than ten octets\r\n.").starts_with("452 4.3.1"));
  CHECK(gateway.intake().keep("192.0.2.5", 10, 1'048'576));  // nothing of it was left behind
  CHECK(line.say("NOOP").starts_with("250"));
  worker.stop();
}

TEST_CASE("a disk that runs short is told at MAIL, before anything is lost on it") {
  const Folder folder;
  Settings settings;
  settings.hostname = "gw.example";
  settings.limits.min_free_disk = std::uint64_t{1} << 60;
  Gateway gateway(std::make_shared<const Config>(settings), real_store(folder));
  gateway.intake().measure_disk(folder.path);
  Worker worker;
  worker.start();
  Line line(gateway, worker);
  REQUIRE(line.say("HELO one.example").starts_with("250"));
  CHECK(line.say("MAIL FROM:<a@in.example>").starts_with("452 4.3.1"));
  CHECK(line.say("NOOP").starts_with("250"));
  worker.stop();
}
