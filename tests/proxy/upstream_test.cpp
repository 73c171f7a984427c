// The pool of connections to upstreams, against small servers on its own io_context: what is reused
// for whom, what is tried again, what a probe waits for.
#include <fstream>
#include <set>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <netdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include "upstream_trial.h"

namespace {

// A name that only this test knows: 127.0.0.2, then 127.0.0.1.
constexpr const char* two_addresses = "two-addresses.example";

}  // namespace

// In front of the one of the C library.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints,
                           addrinfo** found) {
  static const auto real =
      reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
  if (name == nullptr || name != std::string_view(two_addresses))
    return real(name, service, hints, found);
  addrinfo tcp_only{};
  tcp_only.ai_family = AF_INET;
  tcp_only.ai_socktype = SOCK_STREAM;
  const int failed = real("127.0.0.2", service, &tcp_only, found);
  return failed != 0 ? failed : real("127.0.0.1", service, &tcp_only, &(*found)->ai_next);
}

namespace cordon::proxy {
namespace {

using boost::asio::ip::tcp;

const smtp::ClientFacts anna{.address = "192.0.2.7", .port = 1025};
const smtp::ClientFacts anna_again{.address = "192.0.2.7", .port = 1026};
const smtp::ClientFacts bert{.address = "192.0.2.8", .port = 1025};

TEST_CASE("a message costs the same however many its connection has carried before") {
  RouteSettings one_connection;
  one_connection.max_connections = 1;
  Trial trial(one_connection);
  constexpr std::size_t count = 100;
  for (std::size_t i = 0; i < count; ++i) trial.send("m" + std::to_string(i));
  std::size_t handlers = 0;
  trial.await([&] {
    ++handlers;
    return trial.ends.size() == count;
  });
  CHECK(trial.server.connections == 1);
  CHECK(handlers < 40 * count);
}

TEST_CASE("one connection serves one message after the other, and tells once what it offers") {
  Trial trial;
  int offers = 0;
  trial.pool.on_offer = [&](const Destination& destination, const smtp::UpstreamOffer& offer) {
    ++offers;
    CHECK(destination == trial.destination());
    CHECK(offer.xclient);
  };
  trial.send("one");
  trial.await({"one"});
  trial.send("two");
  trial.await({"two"});
  CHECK(trial.ends ==
        std::map<std::string, std::string>{{"one", "250 2.0.0 ok"}, {"two", "250 2.0.0 ok"}});
  CHECK(trial.server.connections == 1);
  CHECK(offers == 1);
  CHECK(trial.last.reached);
  CHECK(trial.last.offer.name == "mx.example");
  CHECK(trial.last.tls.empty());
}

TEST_CASE("a destination that nobody uses any more is forgotten") {
  Trial trial;
  trial.send("one");
  trial.await({"one"});
  CHECK(trial.pool.destinations() == 1);
  trial.pool.close_idle();
  trial.await([&] { return trial.pool.destinations() == 0; });
  trial.send("two");
  trial.await({"two"});
  CHECK(trial.server.connections == 2);
}

TEST_CASE("an old connection that has died costs no attempt, a new one does") {
  for (const char* end : {LineServer::close, "421 4.4.2 idle too long\r\n"}) {
    CAPTURE(end);
    Trial trial;
    trial.send("one");
    trial.await({"one"});
    trial.server.script = [&](int connection, const std::string& line) {
      return connection == 1 && line.starts_with("MAIL") ? end : nullptr;
    };
    trial.send("two");
    trial.await({"two"});
    CHECK(trial.ends["two"] == "250 2.0.0 ok");
    CHECK(trial.server.connections == 2);
    trial.server.script = [&](int, const std::string& line) {
      return line.starts_with("MAIL") ? end : nullptr;
    };
    trial.send("three");
    trial.await({"three"});
    CHECK(trial.ends["three"].starts_with("4"));
    CHECK(trial.server.connections == 3);  // the old one, then one new one, and no more
  }
}

TEST_CASE("what was begun on an old connection is not begun anew behind the caller's back") {
  Trial trial;
  trial.send("one");
  trial.await({"one"});
  trial.server.script = [](int, const std::string& line) {
    return line == "." ? LineServer::close : nullptr;
  };
  trial.send("two");
  trial.await({"two"});
  CHECK(trial.ends["two"].starts_with("451 4.4.2"));
  CHECK(trial.last.in_doubt);
  CHECK(trial.server.connections == 1);
}

TEST_CASE("a session that is refused is told with the server's words, and as not reached") {
  Trial trial;
  trial.server.script = [](int, const std::string& line) {
    return line.starts_with("EHLO") || line.starts_with("HELO") ? "554 5.7.1 go away\r\n" : nullptr;
  };
  trial.send("one");
  trial.await({"one"});
  CHECK(trial.ends["one"] == "554 5.7.1 go away");
  CHECK(trial.last.results.at(0).outcome == smtp::Outcome::deferred);
  CHECK_FALSE(trial.last.reached);
}

TEST_CASE("by XCLIENT one connection speaks for many clients, but never for none after one") {
  RouteSettings settings;
  settings.tell_client = TellClient::xclient;
  Trial trial(settings);
  trial.send("one", anna);
  trial.await({"one"});
  trial.send("two", bert);
  trial.await({"two"});
  CHECK(trial.server.connections == 1);
  trial.send("three");
  trial.await({"three"});
  CHECK(trial.server.connections == 2);
  std::vector<std::string> told;
  for (const auto& [_, line] : trial.server.lines)
    if (line.starts_with("XCLIENT")) told.push_back(line);
  CHECK(told == std::vector<std::string>{"XCLIENT ADDR=192.0.2.7 PORT=1025",
                                         "XCLIENT ADDR=192.0.2.8 PORT=1025"});
}

TEST_CASE("where XCLIENT is taken once a connection is one client's for good") {
  RouteSettings settings;
  settings.tell_client = TellClient::xclient;
  Trial trial(settings);
  trial.server.script = [told = 0](int connection, const std::string& line) mutable {
    if (line.starts_with("XCLIENT")) told = connection;
    return line.starts_with("EHLO") && told == connection ? "250 mx.example\r\n" : nullptr;
  };
  for (const auto& [name, client] : {std::pair{"one", anna}, {"two", anna}, {"three", bert}}) {
    trial.send(name, client);
    trial.await({name});
    CHECK(trial.ends[name] == "250 2.0.0 ok");
    CHECK(trial.server.connections == (client == anna ? 1 : 2));
  }
  const auto second = trial.server.said_on(2);
  CHECK(std::count(second.begin(), second.end(), "XCLIENT ADDR=192.0.2.8 PORT=1025") == 1);
}

TEST_CASE("by PROXY a connection is one client's for good") {
  RouteSettings settings;
  settings.tell_client = TellClient::proxy;
  settings.max_connections = 1;
  Trial trial(settings);
  trial.server.script = [](int, const std::string& line) {
    return line.starts_with("PROXY") ? LineServer::nothing : nullptr;
  };
  trial.send("one", anna);
  trial.await({"one"});
  trial.send("two", anna_again);
  trial.await({"two"});
  CHECK(trial.server.connections == 1);
  trial.send("three", bert);  // the only place is taken: the idle connection makes room
  trial.await({"three"});
  trial.send("four");
  trial.await({"four"});
  CHECK(trial.server.connections == 3);
  const std::string tail = " 127.0.0.1 1025 " + std::to_string(trial.server.port());
  CHECK(trial.server.said_on(1).front() == "PROXY TCP4 192.0.2.7" + tail);
  CHECK(trial.server.said_on(2).front() == "PROXY TCP4 192.0.2.8" + tail);
  CHECK(trial.server.said_on(3).front().starts_with("PROXY TCP4 127.0.0.1 127.0.0.1 "));
}

TEST_CASE("a probe asks without sending, and waits for no message") {
  RouteSettings settings;
  settings.max_connections = 1;
  Trial trial(settings);
  trial.server.script = [](int connection, const std::string& line) -> const char* {
    if (line.starts_with("RCPT TO:<nobody")) return "550 5.1.1 unknown\r\n";
    return connection == 1 && line == "." ? LineServer::nothing : nullptr;  // it hangs
  };
  trial.send("one");
  trial.await([&] {
    const auto said = trial.server.said_on(1);
    return !said.empty() && said.back() == ".";
  });
  trial.probe("nobody");
  trial.probe("somebody");
  trial.await({"nobody", "somebody"});
  CHECK(trial.ends["nobody"] == "550 5.1.1 unknown");
  CHECK(trial.ends["somebody"] == "250 2.0.0 ok");
  CHECK(trial.ends.count("one") == 0);
  for (const auto& [connection, line] : trial.server.lines)
    if (connection != 1) CHECK(line != "DATA");
  trial.pool.abort();
  trial.await({"one"});
}

TEST_CASE("whether it was the sender who was refused is told, and not of a refused recipient") {
  Trial trial;
  trial.server.script = [](int, const std::string& line) {
    return line.starts_with("RCPT TO:<nobody") ? "550 5.1.1 unknown\r\n" : nullptr;
  };
  trial.probe("nobody");
  trial.await({"nobody"});
  CHECK_FALSE(trial.last.sender_refused);
  trial.server.script = [](int, const std::string& line) {
    return line.starts_with("MAIL") ? "550 5.7.1 not you\r\n" : nullptr;
  };
  trial.probe("somebody");
  trial.await({"somebody"});
  CHECK(trial.ends["somebody"] == "550 5.7.1 not you");
  CHECK(trial.last.sender_refused);
}

TEST_CASE("a route that was made anew does not use connections under the old rules") {
  Trial trial;
  trial.send("one");
  trial.await({"one"});
  trial.route = std::make_shared<const UpstreamRoute>(make_upstream_route(trial.route->settings));
  trial.send("two");
  trial.await({"two"});
  CHECK(trial.server.connections == 2);
  trial.await([&] { return trial.server.said_on(1).back() == "QUIT"; });
}

TEST_CASE("at the end every message is answered") {
  RouteSettings settings;
  settings.max_connections = 1;
  Trial trial(settings);
  trial.server.script = [](int, const std::string&) { return LineServer::nothing; };
  trial.send("one");
  trial.send("two");
  trial.await([&] { return trial.server.connections == 1; });
  trial.pool.abort();
  trial.await({"one", "two"});
  CHECK(trial.ends["one"] == "451 4.3.2 the gateway is stopping");
  CHECK(trial.ends["two"] == "451 4.3.2 the gateway is stopping");
}

TEST_CASE("what comes when all is at its end is answered, later, and connects to nobody") {
  Trial trial;
  trial.pool.abort();
  trial.send("one");
  CHECK(trial.ends.empty());
  trial.await({"one"});
  CHECK(trial.ends["one"] == "451 4.3.2 the gateway is stopping");
  CHECK(trial.last.stopped);
  CHECK(trial.server.connections == 0);
}

TEST_CASE("a message whose session never came about is told as stopped, so that no host is next") {
  Trial trial;
  trial.server.script = [](int, const std::string&) { return LineServer::nothing; };
  trial.send("one");
  trial.await([&] { return trial.server.connections == 1; });
  trial.pool.abort();
  trial.await({"one"});
  CHECK_FALSE(trial.last.reached);
  CHECK(trial.last.stopped);
}

TEST_CASE("each has its own time limits, whoever else uses the destination or the connection") {
  RouteSettings settings;
  settings.max_connections = 2;
  Trial trial(settings);
  trial.server.script = [](int, const std::string& line) {
    const bool hangs = line == "." || line.starts_with("RCPT TO:<slow");
    return hangs ? LineServer::nothing : nullptr;
  };
  trial.send("one");
  trial.send("two");  // waits until the server is known to be there
  trial.times = {.command = Seconds(1), .data = Seconds(1)};
  trial.probe("somebody");
  trial.await({"somebody"});
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1500);
  trial.await([&] { return std::chrono::steady_clock::now() > end; });
  CHECK(trial.ends.count("one") == 0);
  CHECK(trial.ends.count("two") == 0);
  trial.pool.abort();
  trial.await({"one", "two"});

  Trial idle;
  idle.send("one");
  idle.await({"one"});
  idle.server.script = trial.server.script;
  idle.times = trial.times;
  idle.probe("slow");  // over the connection of the message
  idle.await({"slow"});
  CHECK(idle.ends["slow"] == "451 4.4.2 time-out: reply");
  CHECK(idle.server.connections == 1);
}

TEST_CASE("a reply has its time as a whole, however often a piece of it comes") {
  Trial trial;
  trial.server.lines_of_reply = 40;
  trial.server.script = [](int, const std::string& line) {
    return line.starts_with("MAIL") ? LineServer::in_lines : nullptr;
  };
  trial.times = {.command = Seconds(1), .data = Seconds(300)};
  trial.send("one");
  trial.await({"one"});
  CHECK(trial.ends["one"] == "451 4.4.2 time-out: reply");
}

TEST_CASE("each reply to a group of commands has a time of its own") {
  Trial trial;
  trial.server.lines_of_reply = 12;
  trial.server.script = [](int, const std::string& line) -> const char* {
    if (line.starts_with("EHLO")) return "250-mx.example\r\n250 PIPELINING\r\n";
    return line.starts_with("MAIL") || line.starts_with("RCPT") ? LineServer::in_lines : nullptr;
  };
  trial.times = {.command = Seconds(2), .data = Seconds(300)};
  trial.send("one");
  trial.await({"one"});
  CHECK(trial.ends["one"] == "250 2.0.0 ok");
}

TEST_CASE("what waits goes by its own route, also where an older one comes after it") {
  Trial trial;
  const auto older = trial.route;
  RouteSettings settings = older->settings;
  settings.max_connections = 1;
  settings.tell_client = TellClient::xclient;
  trial.route = Trial::route_with(settings);
  trial.send("one", anna);
  trial.send("two", bert);
  trial.route = older;
  trial.send("three", anna);
  trial.await({"one", "two", "three"});
  std::vector<std::string> told;
  for (const auto& [_, line] : trial.server.lines)
    if (line.starts_with("XCLIENT")) told.push_back(line);
  CHECK(told == std::vector<std::string>{"XCLIENT ADDR=192.0.2.7 PORT=1025",
                                         "XCLIENT ADDR=192.0.2.8 PORT=1025"});
}

// Offers STARTTLS, which always fails.
const char* without_tls(int, const std::string& line) {
  if (line.starts_with("EHLO")) return "250-mx.example\r\n250 STARTTLS\r\n";
  return line == "STARTTLS" ? LineServer::fails_tls : nullptr;
}

TEST_CASE("where TLS fails a message is tried in plain once, however many servers are like that") {
  Trial trial({}, UpstreamTls::opportunistic);
  trial.server.script = without_tls;
  constexpr int more_than_are_remembered = 1001;
  for (int i = 1; i <= more_than_are_remembered; ++i) {
    trial.name = "mx" + std::to_string(i);
    trial.send(trial.name);
    trial.await(
        [&] { return trial.ends.count(trial.name) != 0 || trial.server.connections > 2 * i; });
    REQUIRE(trial.ends[trial.name] == "250 2.0.0 ok");
    REQUIRE(trial.server.connections == 2 * i);
    trial.pool.close_idle();
  }
}

TEST_CASE("a server that wants TLS after all is not spoken to in plain again") {
  Trial trial({}, UpstreamTls::opportunistic);
  trial.server.script = [](int connection, const std::string& line) {
    return line.starts_with("MAIL") ? "530 5.7.0 Must issue a STARTTLS command first\r\n"
                                    : without_tls(connection, line);
  };
  const auto times_asked_for_tls = [&] {
    const auto& lines = trial.server.lines;
    return std::count_if(lines.begin(), lines.end(),
                         [](const auto& said) { return said.second == "STARTTLS"; });
  };
  trial.send("one");
  trial.await({"one"});
  CHECK(trial.ends["one"] == "530 5.7.0 Must issue a STARTTLS command first");
  CHECK(trial.last.results.at(0).outcome == smtp::Outcome::deferred);
  CHECK(times_asked_for_tls() == 1);
  trial.send("two");
  trial.await({"two"});
  CHECK(times_asked_for_tls() == 2);
}

TEST_CASE("what was found out of a server's TLS does not undo a TLS that is required since") {
  Trial trial({}, UpstreamTls::opportunistic);
  trial.server.script = without_tls;
  trial.send("one");
  trial.await({"one"});
  CHECK(trial.ends["one"] == "250 2.0.0 ok");
  RouteSettings settings = trial.route->settings;
  settings.tls = UpstreamTls::required;
  trial.route = Trial::route_with(settings);
  trial.send("two");
  trial.await({"two"});
  CHECK(trial.ends["two"].starts_with("454 4.7.5 TLS with the next server failed"));
}

TEST_CASE("an address that never answers does not keep the mail from the next one") {
  RouteSettings settings;
  settings.connect_timeout = Seconds(1);
  Trial trial(settings);
  trial.host = two_addresses;
  // The one connection that its backlog has room for is taken: it answers nobody.
  tcp::acceptor silent(trial.context);
  const tcp::endpoint at(boost::asio::ip::make_address("127.0.0.2"), trial.server.port());
  silent.open(at.protocol());
  silent.bind(at);
  silent.listen(0);
  tcp::socket taken(trial.context);
  taken.connect(at);
  trial.send("one");
  trial.await({"one"});
  CHECK(trial.ends["one"] == "250 2.0.0 ok");
}

TEST_CASE("a password file is read by its first line, and must be private") {
  const std::string path = "/tmp/cordon-upstream-test." + std::to_string(getpid());
  RouteSettings settings;
  settings.user = "gw";
  settings.password_file = path;
  const auto write = [&](const std::string& content, mode_t mode) {
    std::ofstream(path, std::ios::trunc) << content;
    chmod(path.c_str(), mode);
  };
  const auto secret = [&] { return make_upstream_route(settings).credentials->secret; };
  write("pass word\nsecond line\n", 0600);
  CHECK(secret() == "pass word");
  write("bare", 0640);
  CHECK(secret() == "bare");
  write("dos\r\n", 0600);
  CHECK(secret() == "dos");
  write("seen", 0604);
  CHECK_THROWS_WITH(secret(), (path + ": everybody may read or write it; try chmod 640").c_str());
  write("", 0600);
  CHECK_THROWS(secret());
  write(std::string(9000, 'x'), 0600);
  CHECK_THROWS(secret());
  write(std::string("a\0b\n", 4), 0600);
  CHECK_THROWS(secret());
  unlink(path.c_str());
  CHECK_THROWS_WITH(secret(), (path + ": No such file or directory").c_str());
  settings.mechanism = AuthMechanism::xoauth2;
  settings.user.clear();
  CHECK_FALSE(make_upstream_route(settings).credentials);
}

}  // namespace
}  // namespace cordon::proxy
