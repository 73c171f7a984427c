#include "proxy/control_endpoint.h"

#include <cstring>
#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/connection.h"
#include "tests/ctl/fake_gateway.h"
#include "wire/reply.h"

using namespace cordon;
using namespace cordon::tests;
namespace fs = std::filesystem;

namespace {

// A directory under /tmp: a socket's path must be short.
class Folder {
 public:
  Folder() {
    std::string name = "/tmp/cordon-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no directory to be had");
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string socket() const { return path_ + "/s"; }

 private:
  std::string path_;
};

struct Bench {
  Folder folder;
  FakeData data = sample_data();
  FakeStore store{data};
  FakeActions actions;

  proxy::Settings settings() const {
    proxy::Settings settings;
    settings.paths.control_socket = folder.socket();
    return settings;
  }
  std::unique_ptr<proxy::ControlEndpoint> start(proxy::ControlLimits limits = {}) {
    auto endpoint = std::make_unique<proxy::ControlEndpoint>(settings(), store, actions, limits);
    endpoint->start();
    return endpoint;
  }
};

// A client that says what it likes.
class RawClient {
 public:
  explicit RawClient(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  }
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // the other side may close in the middle
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  // The next line, or "" when the other side has closed.
  std::string line() {
    std::string out;
    char c = 0;
    while (::recv(fd_, &c, 1, 0) == 1) {
      if (c == '\n') return out;
      out += c;
    }
    return "";
  }

 private:
  int fd_;
};

std::string failure(Bench& bench, const proxy::Settings& settings) {
  try {
    const proxy::ControlEndpoint endpoint(settings, bench.store, bench.actions);
    return "";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

}  // namespace

TEST_CASE("a request goes round over the socket, and our own user is an admin") {
  Bench bench;
  const auto endpoint = bench.start();
  RawClient client(bench.folder.socket());
  CHECK(client.line() ==
        R"({"hello":{"v":1,"server":"cordond 0.1.0","hostname":"gw.example","role":"admin"}})");
  client.send(
      "{\"v\":1,\"id\":1,\"command\":\"quarantine.list\",\"args\":{\"ids_only\":true}}\n"
      "{\"v\":1,\"id\":2,\"command\":\"queue.hold\",\"args\":{\"ids\":[\"1\"]}}\n");
  CHECK(client.line() == R"({"id":1,"row":{"type":"id","queue_id":"3"}})");
  CHECK(client.line() == R"({"id":1,"end":{"rows":1,"changed":0}})");
  CHECK(client.line() == R"({"id":2,"end":{"rows":0,"changed":1}})");
  REQUIRE(bench.actions.calls.size() == 1);
  CHECK(bench.actions.calls[0].starts_with("hold 1 by "));
}

TEST_CASE("cordonctl's connection understands the endpoint") {
  Bench bench;
  const auto endpoint = bench.start();
  ctl::Outcome trouble;
  const auto connection = ctl::Connection::open(bench.folder.socket(), trouble);
  REQUIRE(connection);
  std::size_t rows = 0;
  const auto outcome =
      connection->ask({0, wire::Command::queue_list, {}}, [&](const wire::Row&) { ++rows; });
  CHECK(outcome.ok());
  CHECK(rows == 2);
  CHECK(outcome.end.rows == 2);
}

TEST_CASE("a socket without anyone behind it cannot be reached") {
  ctl::Outcome trouble;
  CHECK_FALSE(ctl::Connection::open("/tmp/cordon-no-such-socket", trouble));
  CHECK(trouble.lost == "no cordond listens there (No such file or directory)");
}

TEST_CASE("what cannot be read as a request ends the connection with a clear error") {
  Bench bench;
  const auto endpoint = bench.start();
  RawClient garbage(bench.folder.socket());
  garbage.line();
  garbage.send("GET / HTTP/1.1\r\n\r\n");
  CHECK(garbage.line() ==
        R"({"id":0,"error":{"code":"bad_request","message":"expected one JSON object a line"}})");
  CHECK(garbage.line().empty());

  RawClient mistaken(bench.folder.socket());
  mistaken.line();
  mistaken.send("{\"v\":1,\"id\":5,\"command\":\"nothing\"}\n");
  CHECK(mistaken.line() ==
        R"({"id":5,"error":{"code":"unknown_command","message":"there is no such command"}})");
  mistaken.send("{\"v\":1,\"id\":6,\"command\":\"queue.list\",\"args\":{\"ids_only\":true}}\n");
  CHECK(mistaken.line() == R"({"id":6,"row":{"type":"id","queue_id":"1"}})");
}

TEST_CASE("a line without end is cut off") {
  Bench bench;
  const auto endpoint = bench.start();
  RawClient client(bench.folder.socket());
  client.line();
  client.send(std::string(wire::max_request_line + 65'536, 'x'));
  const std::string answer = client.line();
  // The close may overtake the words, as what was sent lies unread.
  if (!answer.empty()) {
    CHECK(answer == R"({"id":0,"error":{"code":"too_long","message":"the line exceeds 1 MiB"}})");
  }
  CHECK(client.line().empty());
}

TEST_CASE("one client too many is told so, and a place left is free again") {
  Bench bench;
  const auto endpoint = bench.start({.max_clients = 2, .idle_timeout = std::chrono::minutes(1)});
  auto first = std::make_unique<RawClient>(bench.folder.socket());
  RawClient second(bench.folder.socket());
  CHECK_FALSE(first->line().empty());
  CHECK_FALSE(second.line().empty());
  RawClient third(bench.folder.socket());
  CHECK(third.line() == R"({"id":0,"error":{"code":"busy","message":"too many clients at once"}})");
  first.reset();
  std::string greeting;
  do {  // until the endpoint has seen it go
    greeting = RawClient(bench.folder.socket()).line();
  } while (greeting.find("busy") != std::string::npos);
  CHECK(greeting.starts_with(R"({"hello":)"));
}

TEST_CASE("an idle client is let go") {
  Bench bench;
  const auto endpoint =
      bench.start({.max_clients = 2, .idle_timeout = std::chrono::milliseconds(1)});
  RawClient client(bench.folder.socket());
  client.line();
  CHECK(client.line().empty());
}

TEST_CASE("stopping ends idle clients and removes the socket") {
  Bench bench;
  const auto endpoint = bench.start();
  RawClient client(bench.folder.socket());
  client.line();
  endpoint->stop();
  CHECK(client.line().empty());
  CHECK_FALSE(fs::exists(bench.folder.socket()));
}

TEST_CASE("a store that cannot be read is an error, not an end of the endpoint") {
  Bench bench;
  bench.store.broken = true;
  const auto endpoint = bench.start();
  for (int i = 0; i < 2; ++i) {
    CHECK(RawClient(bench.folder.socket()).line() ==
          R"({"id":0,"error":{"code":"failed","message":"the database is damaged"}})");
  }
}

TEST_CASE("the socket is for owner and group only") {
  Bench bench;
  const auto endpoint = bench.start();
  struct stat status {};
  REQUIRE(::stat(bench.folder.socket().c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0660);
}

TEST_CASE("a stale socket is replaced, one in use and anything else is not") {
  Bench bench;
  const std::string path = bench.folder.socket();
  {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    ::close(fd);
  }
  auto endpoint = bench.start();
  CHECK(failure(bench, bench.settings()) == "control socket " + path + ": another process uses it");
  CHECK(RawClient(path).line().starts_with(R"({"hello":)"));
  endpoint.reset();
  std::ofstream(path) << "precious";
  CHECK(failure(bench, bench.settings()) ==
        "control socket " + path + ": something that is no socket is there");
  CHECK(fs::file_size(path) == 8);
}

TEST_CASE("a path that no socket can have is told") {
  Bench bench;
  proxy::Settings settings;
  settings.paths.control_socket = "/tmp/" + std::string(120, 'x');
  CHECK(failure(bench, settings)
            .ends_with(": the path is longer than the 107 octets that a socket's may have"));
  settings.paths.control_socket = "/tmp/cordon-no-such-directory/s";
  CHECK(failure(bench, settings).ends_with(": cannot bind it: No such file or directory"));
}
