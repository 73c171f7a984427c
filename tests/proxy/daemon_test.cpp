// The whole daemon in one process, with threads on all sides: what TSan is to look at. What it does
// is tested end to end in tests/integration.
#include "proxy/daemon.h"

#include <atomic>
#include <filesystem>
#include <thread>

#include <boost/asio/buffers_iterator.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>
#include <stdlib.h>

#include "store/sqlite_store.h"

using boost::asio::ip::tcp;
using namespace cordon::proxy;

namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = "/tmp/cordon-daemon-XXXXXX";
    path = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

// A client that speaks line by line and wants each reply to be positive.
class Client {
 public:
  explicit Client(std::uint16_t port) : socket_(context_) {
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), port});
    reply();
  }
  // Words of the last line of the reply; empty if the connection is gone.
  std::string say(const std::string& line) {
    boost::system::error_code error;
    boost::asio::write(socket_, boost::asio::buffer(line + "\r\n"), error);
    return error ? "" : reply();
  }
  // What the server says unasked.
  std::string listen() { return reply(); }
  bool send(const std::string& to) {
    return say("MAIL FROM:<a@in.example>").starts_with("250") &&
           say("RCPT TO:<" + to + ">").starts_with("250") && say("DATA").starts_with("354") &&
           say("Subject: x\r\n\r\nhello\r\n.").starts_with("250");
  }

 private:
  std::string reply() {
    for (;;) {
      boost::system::error_code error;
      const auto length = boost::asio::read_until(socket_, buffer_, "\r\n", error);
      if (error) return {};
      const auto begin = boost::asio::buffers_begin(buffer_.data());
      std::string line(begin, begin + static_cast<std::ptrdiff_t>(length));
      buffer_.consume(length);
      if (line.size() > 3 && line[3] == ' ') return line;
    }
  }
  boost::asio::io_context context_;
  tcp::socket socket_;
  boost::asio::streambuf buffer_;
};

struct Running {
  explicit Running(Settings settings)
      : daemon(std::make_shared<const Config>(std::move(settings))),
        thread([this] { daemon.run(); }) {}
  ~Running() {
    daemon.stop();
    thread.join();
  }
  Daemon daemon;
  std::thread thread;
};

Settings trial(const Folder& folder) {
  Settings settings;
  settings.hostname = "gw.example";
  settings.paths.state_dir = folder.path / "state";
  settings.paths.control_socket = folder.path / "control.sock";
  settings.listeners[0].address = "127.0.0.1:0";
  settings.routes["smarthost"].port = 9;  // nobody there: every delivery is deferred
  settings.cordoning.period = Seconds(0);
  settings.threads = 4;
  return settings;
}

}  // namespace

TEST_CASE("sessions on all threads at once are all answered, through a reload and a clean stop") {
  const Folder folder;
  constexpr int clients = 12;
  constexpr int messages = 8;
  std::atomic<int> sent{0};
  {
    Running running(trial(folder));
    const auto port = running.daemon.ports().front();
    std::vector<std::thread> threads;
    threads.reserve(clients);
    for (int c = 0; c < clients; ++c)
      threads.emplace_back([&, c] {
        Client client(port);
        client.say("EHLO client.example");
        for (int m = 0; m < messages; ++m)
          if (client.send("r" + std::to_string(c) + "@in.example")) ++sent;
        client.say("QUIT");
      });
    Settings changed = trial(folder);
    changed.cordoning.period = Seconds(1);
    running.daemon.reload(std::make_shared<const Config>(changed));
    for (auto& thread : threads) thread.join();
  }
  CHECK(sent == clients * messages);
  // The clean stop left every one of them in the store.
  cordon::store::SqliteOptions options;
  options.directory = folder.path / "state";
  int stored = 0;
  cordon::store::open_sqlite_store(options)->reader()->unsettled([&](const auto&) { ++stored; });
  CHECK(stored == clients * messages);
}

TEST_CASE("baits met by many sessions at once make one cordon, and every session goes on") {
  const Folder folder;
  Settings settings = trial(folder);
  {
    cordon::store::SqliteOptions options;
    options.directory = settings.paths.state_dir;
    const auto store = cordon::store::open_sqlite_store(options);
    cordon::store::BaitRow row;
    row.bait = {store->next_bait_id(), cordon::baits::BaitKind::address, "bait@in.example", ""};
    cordon::store::Batch batch;
    batch.emplace_back(cordon::store::AddBaits{{row}});
    store->submit(std::move(batch), [](const cordon::store::Answer&) {});
  }
  constexpr int clients = 8;
  std::atomic<int> sent{0};
  {
    Running running(settings);
    const auto port = running.daemon.ports().front();
    std::vector<std::thread> threads;
    threads.reserve(clients);
    for (int c = 0; c < clients; ++c)
      threads.emplace_back([&] {
        Client client(port);
        client.say("EHLO client.example");
        for (const char* to : {"one@in.example", "bait@in.example", "two@in.example"})
          if (client.send(to)) ++sent;
        client.say("QUIT");
      });
    for (auto& thread : threads) thread.join();
  }
  CHECK(sent == clients * 3);
  cordon::store::SqliteOptions options;
  options.directory = settings.paths.state_dir;
  const auto store = cordon::store::open_sqlite_store(options);
  const auto reader = store->reader();
  REQUIRE(reader->alerts(10).size() == 1);
  CHECK(reader->alerts(10)[0].hits == clients);
  CHECK(reader->cordons(false, 10).size() == 1);
  using Which = cordon::store::MessageFilter::Which;
  // All but those that had left before the first hit are in quarantine.
  CHECK(reader->messages({.which = Which::quarantine}).size() >= clients * 2);
}

TEST_CASE("a clean stop tells an idle session 421") {
  const Folder folder;
  auto running = std::make_unique<Running>(trial(folder));
  Client client(running->daemon.ports().front());
  REQUIRE(client.say("EHLO client.example").starts_with("250"));
  running->daemon.stop();
  CHECK(client.listen().starts_with("421 4.3.2"));
  running.reset();
}

TEST_CASE("an address in use is named") {
  const Folder one;
  const Folder two;
  Running first(trial(one));
  Settings second = trial(two);
  second.listeners[0].address = "127.0.0.1:" + std::to_string(first.daemon.ports().front());
  CHECK_THROWS_WITH_AS(Daemon(std::make_shared<const Config>(second)),
                       doctest::Contains(second.listeners[0].address.c_str()), std::runtime_error);
}
