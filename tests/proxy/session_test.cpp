// Sessions on a worker of their own, above a store that fails on order. What a session does when
// all is well is tested end to end in tests/integration.
#include "proxy/session.h"

#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include <boost/asio/buffers_iterator.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>
#include <stdlib.h>

#include "proxy/host_rates.h"
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

// Takes its time: the answer is given by hand.
class SlowCheck : public CredentialCheck {
 public:
  void check(std::shared_ptr<const ListenerTerms>, const cordon::smtp::ClientFacts& client,
             cordon::smtp::Credentials credentials, Done done) override {
    CHECK(client.address == "127.0.0.1");
    secret = credentials.secret;
    asked.set_value(std::move(done));
  }
  void stop() override {}

  std::string secret;
  std::promise<Done> asked;
};

// A worker that runs, and what its sessions need.
struct House {
  explicit House(Gateway& on) : gateway(on) { worker.start(); }
  ~House() { worker.stop(); }

  Gateway& gateway;
  Doorkeeper door;
  SlowCheck credentials;
  boost::asio::io_context office;
  UpstreamPool upstreams{office, "gw.example"};
  RecipientCheck recipients{office, gateway, upstreams};  // nobody runs it: none is asked here
  const SessionServices services{gateway, door, {credentials, credentials}, recipients};
  Worker worker;
};

// A session, and the client at its other end.
class Line {
 public:
  // `address`: whose session it is. `narrow`: hardly anything fits between the two ends.
  explicit Line(House& house, const std::string& address = "127.0.0.1", bool narrow = false)
      : house_(house) {
    constexpr int little = 4096;  // octets
    tcp::acceptor acceptor(context_, {boost::asio::ip::make_address("127.0.0.1"), 0});
    client_.open(tcp::v4());
    if (narrow) client_.set_option(tcp::socket::receive_buffer_size(little));
    client_.connect(acceptor.local_endpoint());
    tcp::socket server = acceptor.accept(house.worker.context());
    if (narrow) server.set_option(tcp::socket::send_buffer_size(little));
    auto& gateway = house.gateway;
    gateway.counters().sessions.fetch_add(1);
    const auto config = gateway.config();
    session_ = std::make_shared<Session>(
        std::move(server), house.worker, house.services,
        SessionTerms{config, config->terms(0), config->server_options(0)},
        gateway.make_peer(address, config->settings().listeners.front(), "s"), Doorkeeper::Place());
    boost::asio::post(house.worker.context(), [session = session_, &house] {
      house.worker.add(session);
      session->start();
    });
    CHECK(reply().starts_with("220"));
  }
  ~Line() {
    std::promise<void> gone;
    boost::asio::post(house_.worker.context(), [&] {
      session_->abort();
      session_.reset();
      gone.set_value();
    });
    gone.get_future().wait();
  }
  // Until the session has taken in so much content.
  void await_content(std::uint64_t octets) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    auto& intake = house_.gateway.intake();
    while (intake.has_memory("127.0.0.1", Intake::memory_parts * octets)) {
      REQUIRE(std::chrono::steady_clock::now() < end);
      std::this_thread::yield();
    }
  }
  // Looks at the session's time, so long from now.
  void let_pass(std::chrono::seconds time) {
    std::promise<void> looked;
    boost::asio::post(house_.worker.context(), [&] {
      session_->check_time(std::chrono::steady_clock::now() + time);
      looked.set_value();
    });
    looked.get_future().wait();
  }
  void shut_down() {
    boost::asio::post(house_.worker.context(), [session = session_] { session->shut_down(); });
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
  House& house_;
  std::shared_ptr<Session> session_;
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
  House house(gateway);
  Line one(house);
  Line other(house);
  REQUIRE(one.say("HELO one.example").starts_with("250"));
  REQUIRE(one.say("MAIL FROM:<a@in.example>").starts_with("250"));
  REQUIRE(one.say("RCPT TO:<b@in.example>").starts_with("250"));
  REQUIRE(one.say("DATA").starts_with("354"));
  one.send(std::string(store::max_body_piece + 1, 'x'));
  refused.wait();

  // Both lie ready when the worker looks: the other's bytes come into its buffer right after.
  std::promise<void> sent;
  boost::asio::post(house.worker.context(), [&] { sent.get_future().wait(); });
  one.send("\r\n.\r\nNOOP\r\n");
  other.send("BAD\r\nQUIT\r\n");
  sent.set_value();
  CHECK(one.reply().starts_with("452 4.3.1"));
  CHECK(one.reply().starts_with("250"));
  CHECK(other.reply().starts_with("500"));
  CHECK(other.reply().starts_with("221"));
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
  House house(gateway);
  Line line(house);
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
}

TEST_CASE("all addresses of a network have the memory of one host together") {
  const Folder folder;
  Settings settings;
  settings.hostname = "gw.example";
  settings.limits.content_memory = 1'048'576;
  Gateway gateway(std::make_shared<const Config>(settings), real_store(folder));
  House house(gateway);
  auto& intake = gateway.intake();
  const std::string network = host_of("2001:db8::1");
  REQUIRE(intake.keep(network, 262'144, 1'048'576));
  Line line(house, "2001:db8::2");
  REQUIRE(line.say("HELO one.example").starts_with("250"));
  REQUIRE(line.say("MAIL FROM:<a@in.example>").starts_with("250"));
  REQUIRE(line.say("RCPT TO:<b@in.example>").starts_with("250"));
  CHECK(line.say("DATA").starts_with("452 4.3.1"));
  intake.release(network, 10);
  REQUIRE(line.say("RCPT TO:<b@in.example>").starts_with("250"));
  REQUIRE(line.say("DATA").starts_with("354"));
  CHECK(line.say("more than ten octets\r\n.").starts_with("452 4.3.1"));
}

TEST_CASE("a client that reads no replies is heard no further, and then with all that it said") {
  const Folder folder;
  Settings settings;
  settings.hostname = "gw.example";
  Gateway gateway(std::make_shared<const Config>(settings), real_store(folder));
  House house(gateway);
  constexpr std::size_t many = 6'000;
  std::string greetings;
  for (std::size_t i = 0; i < many; ++i) greetings += "EHLO x\r\n";
  const auto count_replies = [](Line& line) {
    std::size_t replies = 0;
    for (std::string reply = line.reply(); !reply.starts_with("421"); reply = line.reply())
      if (reply.starts_with("250 ")) ++replies;
    return replies;
  };
  SUBCASE("a stop comes before what has not been heard") {
    Line line(house, "127.0.0.1", true);
    line.send(greetings);
    REQUIRE(line.reply().starts_with("250-"));  // it is at it
    line.shut_down();
    CHECK(count_replies(line) < many / 10);
  }
  SUBCASE("all is answered in the end") {
    Line line(house, "127.0.0.1", true);
    line.send(greetings + "\x16\x03\x01");
    CHECK(count_replies(line) == many);
  }
}

TEST_CASE("a disk that runs short is told at MAIL, before anything is lost on it") {
  const Folder folder;
  Settings settings;
  settings.hostname = "gw.example";
  settings.limits.min_free_disk = std::uint64_t{1} << 60;
  Gateway gateway(std::make_shared<const Config>(settings), real_store(folder));
  gateway.intake().measure_disk(folder.path);
  House house(gateway);
  Line line(house);
  REQUIRE(line.say("HELO one.example").starts_with("250"));
  CHECK(line.say("MAIL FROM:<a@in.example>").starts_with("452 4.3.1"));
  CHECK(line.say("NOOP").starts_with("250"));
}

namespace {

// One whose listener has AUTH, without TLS.
Settings with_auth(const Folder& folder) {
  const auto file = folder.path / "passwords";
  std::ofstream(file) << "anna:$6$salt$" << std::string(86, 'x') << "\n";
  std::filesystem::permissions(file, std::filesystem::perms::owner_read);
  Settings settings;
  settings.hostname = "gw.example";
  settings.listeners.front().auth = ListenerAuth::offered;
  settings.listeners.front().auth_in_plain = true;
  settings.listeners.front().password_file = file;
  return settings;
}

constexpr const char* plain_anna = "AUTH PLAIN AGFubmEAczNjcmV0";  // anna, s3cret

}  // namespace

TEST_CASE("an answer about credentials may come late, and then counts") {
  const Folder folder;
  Gateway gateway(std::make_shared<const Config>(with_auth(folder)), real_store(folder));
  House house(gateway);
  Line line(house);
  line.send("EHLO one.example\r\n");
  while (!line.reply().starts_with("250 ")) continue;
  line.send(std::string(plain_anna) + "\r\nNOOP\r\n");
  const auto done = house.credentials.asked.get_future().get();
  CHECK(house.credentials.secret == "s3cret");
  // Meanwhile the client waits: nothing is its fault.
  line.let_pass(std::chrono::seconds(3000));
  done({.kind = CredentialVerdict::Kind::right});
  CHECK(line.reply().starts_with("235 2.7.0"));
  CHECK(line.reply().starts_with("250"));
  CHECK(line.say(plain_anna).starts_with("503"));
}

TEST_CASE("an answer about credentials that comes after the end of the session harms nothing") {
  const Folder folder;
  Gateway gateway(std::make_shared<const Config>(with_auth(folder)), real_store(folder));
  House house(gateway);
  CredentialCheck::Done done;
  {
    Line line(house);
    line.send("EHLO one.example\r\n");
    while (!line.reply().starts_with("250 ")) continue;
    line.send(std::string(plain_anna) + "\r\n");
    done = house.credentials.asked.get_future().get();
  }
  done({.kind = CredentialVerdict::Kind::right});
  CHECK(Line(house).say("NOOP").starts_with("250"));
}

TEST_CASE("wrong credentials of a host are counted over its sessions") {
  const Folder folder;
  Settings settings = with_auth(folder);
  settings.limits.max_auth_failures_per_minute = 1;
  Gateway gateway(std::make_shared<const Config>(settings), real_store(folder));
  House house(gateway);
  {
    Line line(house);
    line.send("EHLO one.example\r\n");
    while (!line.reply().starts_with("250 ")) continue;
    line.send(std::string(plain_anna) + "\r\n");
    house.credentials.asked.get_future().get()({.kind = CredentialVerdict::Kind::wrong});
    CHECK(line.reply().starts_with("535 5.7.8"));
  }
  Line line(house);
  line.send("EHLO one.example\r\n");
  while (!line.reply().starts_with("250 ")) continue;
  CHECK(line.say(plain_anna).starts_with("454 4.7.0"));
}

TEST_CASE("a client that dawdles with content loses its slot, one that keeps a pace does not") {
  const Folder folder;
  Settings settings;
  settings.hostname = "gw.example";
  settings.limits.min_content_rate = 100;
  Gateway gateway(std::make_shared<const Config>(settings), real_store(folder));
  House house(gateway);
  for (const bool dawdles : {false, true}) {
    CAPTURE(dawdles);
    Line line(house);
    REQUIRE(line.say("HELO one.example").starts_with("250"));
    REQUIRE(line.say("MAIL FROM:<a@in.example>").starts_with("250"));
    REQUIRE(line.say("RCPT TO:<b@in.example>").starts_with("250"));
    REQUIRE(line.say("DATA").starts_with("354"));
    line.send(std::string(dawdles ? 5'000 : 7'000, 'x') + "\r\n");
    line.await_content(dawdles ? 5'000 : 7'000);
    line.let_pass(std::chrono::seconds(61));
    // Its end is reached; a bare CR in it keeps it out of the store.
    if (dawdles)
      CHECK(line.reply().starts_with("421 4.4.2"));
    else
      CHECK(line.say("\r.\r\n.").starts_with("550"));
  }
}

TEST_CASE("between two chunks a client has the time that it has before any command") {
  const Folder folder;
  Settings settings;
  settings.hostname = "gw.example";
  Gateway gateway(std::make_shared<const Config>(settings), real_store(folder));
  House house(gateway);
  Line line(house);
  line.send("EHLO one.example\r\n");
  while (!line.reply().starts_with("250 ")) continue;
  REQUIRE(line.say("MAIL FROM:<a@in.example>").starts_with("250"));
  REQUIRE(line.say("RCPT TO:<b@in.example>").starts_with("250"));
  REQUIRE(line.say("BDAT 10\r\nFirst: 1").starts_with("250"));
  line.let_pass(std::chrono::seconds(61));
  line.let_pass(std::chrono::seconds(200));
  line.send("BDAT 1000000\r\n" + std::string(1'000, 'x'));
  line.await_content(1'000);
  line.let_pass(std::chrono::seconds(270));
  CHECK(line.reply().starts_with("421 4.4.2"));
}
