// A pool of connections to upstreams with one destination, which is a small server on the same
// io_context.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <doctest/doctest.h>

#include "proxy/upstream.h"

namespace cordon::proxy {

// Answers line by line; what it says to each is asked of `script` first.
class LineServer {
 public:
  explicit LineServer(boost::asio::io_context& context)
      : acceptor_(context, {boost::asio::ip::make_address("127.0.0.1"), 0}) {
    accept();
  }

  static constexpr const char* close = "close";
  static constexpr const char* nothing = "";
  static constexpr const char* fails_tls = "220 2.0.0 go";  // and hangs up
  static constexpr const char* in_lines = "in lines";       // 250, one line of it after the other
  // The reply to that line of that connection; nullptr: the usual one.
  std::function<const char*(int connection, const std::string& line)> script;
  std::vector<std::pair<int, std::string>> lines;
  int connections = 0;
  int lines_of_reply = 0;  // of one that comes in lines, a tenth of a second each

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  std::vector<std::string> said_on(int connection) const {
    std::vector<std::string> found;
    for (const auto& [on, line] : lines)
      if (on == connection) found.push_back(line);
    return found;
  }
  void stop() { acceptor_.close(); }

 private:
  struct Connection {
    boost::asio::ip::tcp::socket socket;
    int number;
    std::string received;
    bool in_content = false;
  };

  void accept() {
    acceptor_.async_accept([this](const auto& error, boost::asio::ip::tcp::socket socket) {
      if (error) return;
      auto fresh = std::make_shared<Connection>(Connection{std::move(socket), ++connections, {}});
      const char* greeting = script ? script(connections, "connect") : nullptr;
      if (greeting == nullptr) say(*fresh, "220 mx.example ESMTP\r\n");
      read(fresh);
      accept();
    });
  }

  static void say(Connection& connection, const std::string& reply) {
    boost::system::error_code ignored;
    boost::asio::write(connection.socket, boost::asio::buffer(reply), ignored);
  }

  void read(const std::shared_ptr<Connection>& connection) {
    boost::asio::async_read_until(connection->socket,
                                  boost::asio::dynamic_buffer(connection->received), "\r\n",
                                  [this, connection](const auto& error, std::size_t octets) {
                                    if (error) return;
                                    const std::string line(connection->received, 0, octets - 2);
                                    connection->received.erase(0, octets);
                                    if (on_line(connection, line)) read(connection);
                                  });
  }

  void say_line(const std::shared_ptr<Connection>& connection, int left) {
    const auto pause = std::make_shared<boost::asio::steady_timer>(acceptor_.get_executor());
    pause->expires_after(std::chrono::milliseconds(100));
    pause->async_wait([this, pause, connection, left](const auto&) {
      say(*connection, left > 1 ? "250-more\r\n" : "250 2.0.0 ok\r\n");
      left > 1 ? say_line(connection, left - 1) : read(connection);
    });
  }

  // False: it reads no more, or not yet.
  bool on_line(const std::shared_ptr<Connection>& on, const std::string& line) {
    Connection& connection = *on;
    if (connection.in_content && line != ".") return true;
    connection.in_content = false;
    lines.emplace_back(connection.number, line);
    const char* scripted = script ? script(connection.number, line) : nullptr;
    const std::string reply = scripted != nullptr ? scripted : usual(line);
    if (reply == close) return false;
    if (reply == in_lines) {
      say_line(on, lines_of_reply);
      return false;
    }
    if (reply == fails_tls) {
      say(connection, reply + "\r\n");
      return false;
    }
    connection.in_content = reply.starts_with("354");
    say(connection, reply);
    return line != "QUIT";
  }

  static std::string usual(const std::string& line) {
    if (line.starts_with("EHLO")) return "250-mx.example\r\n250 XCLIENT ADDR PORT\r\n";
    if (line.starts_with("XCLIENT")) return "220 mx.example ESMTP\r\n";
    if (line == "DATA") return "354 go\r\n";
    if (line.starts_with("PROXY")) return "";
    return "250 2.0.0 ok\r\n";
  }

  boost::asio::ip::tcp::acceptor acceptor_;
};

// A pool with one destination.
class Trial {
 public:
  explicit Trial(RouteSettings settings = {}, UpstreamTls tls = UpstreamTls::none) {
    settings.tls = tls;
    route = route_with(settings);
  }

  static std::shared_ptr<const UpstreamRoute> route_with(RouteSettings settings) {
    settings.idle_timeout = Seconds(60);
    return std::make_shared<const UpstreamRoute>(make_upstream_route(settings));
  }

  Destination destination() const { return {"smarthost", host, server.port(), name}; }

  static smtp::Envelope to(const std::string& local) {
    smtp::Envelope envelope;
    envelope.sender = {false, {"anna", "in.example"}};
    envelope.recipients.push_back({{local, "out.example"}, smtp::notify::unspecified, ""});
    return envelope;
  }

  void send(const std::string& local, const std::optional<smtp::ClientFacts>& client = {},
            const Login& login = nullptr) {
    auto job = std::make_shared<DeliveryJob>();
    job->envelope = to(local);
    job->which = {0};
    job->octets = 7;
    job->client = client;
    job->login = login;
    job->next_piece = [this](auto give) {
      boost::asio::post(context, [give] { give(true, "hello\r\n", true); });
    };
    job->pass_gate = [] { return true; };
    job->done = [this, local](const DeliveryOutcome& outcome) { keep(local, outcome); };
    pool.deliver(destination(), route, times, std::move(job));
  }

  void probe(const std::string& local, const Login& login = nullptr) {
    pool.probe(destination(), route, times, {.envelope = to(local), .which = {0}, .login = login},
               [this, local](const DeliveryOutcome& outcome) { keep(local, outcome); });
  }

  void try_login(const std::string& as, const Login& login,
                 const std::optional<smtp::ClientFacts>& client = {},
                 const std::function<bool()>& wanted = {}) {
    pool.try_login(destination(), route, times, login, client, wanted,
                   [this, as](const DeliveryOutcome& outcome) {
                     ends[as] = outcome.reached ? "right" : outcome.login_failure.one_line();
                   });
  }

  void keep(const std::string& local, const DeliveryOutcome& outcome) {
    CHECK(outcome.results.size() == 1);
    ends[local] = outcome.results.at(0).reply.one_line();
    last = outcome;
  }

  // Until the messages and probes for all of those have ended.
  void await(const std::set<std::string>& locals) {
    await([&] {
      return std::all_of(locals.begin(), locals.end(),
                         [&](const std::string& local) { return ends.count(local) != 0; });
    });
  }
  void await(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
      REQUIRE(std::chrono::steady_clock::now() < end);
      context.run_one_for(std::chrono::milliseconds(100));
    }
  }

  boost::asio::io_context context;
  LineServer server{context};
  UpstreamPool pool{context, "gw.example"};
  std::string host = "127.0.0.1";
  std::string name;
  std::shared_ptr<const UpstreamRoute> route;
  UpstreamPool::Times times;
  std::map<std::string, std::string> ends;
  DeliveryOutcome last;
};

}  // namespace cordon::proxy
