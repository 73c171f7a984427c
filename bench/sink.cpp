// cordon-sink: a small mail server that keeps what it gets. The upstream of `tools/run` and of
// tests.
//
//   cordon-sink [--listen ADDRESS:PORT] [--dir DIR] [--quiet]
//
// With --dir each message becomes DIR/NNNNNN.eml, beside NNNNNN.env with a line for the sender and
// one for each recipient. Recipients choose their fate by their local part: bounce... is refused
// with 550, later... with 450 at the first try, slow... makes the final 250 take a second. Prints
// "listening on PORT" when it is ready, and a line a message unless --quiet. One thread.
#include <array>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <set>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "smtp/server_automaton.h"

namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;
using cordon::smtp::ActionKind;

struct Options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 2526;
  std::string dir;
  bool quiet = false;
};

class Mailbag {
 public:
  explicit Mailbag(const Options& options) : options_(options) {}

  bool keep(const cordon::smtp::Envelope& envelope, const std::string& content) {
    char name[32];
    std::snprintf(name, sizeof name, "/%06u", ++count_);
    if (!options_.dir.empty()) {
      std::ofstream body(options_.dir + name + ".part", std::ios::binary);
      body << content;
      std::ofstream env(options_.dir + name + ".env");
      env << envelope.sender.to_string() << '\n';
      for (const auto& to : envelope.recipients) env << to.mailbox.to_string() << '\n';
      body.close();
      env.close();
      if (!body || !env) return false;
      // Last, so that whoever sees the message sees all of it.
      std::rename((options_.dir + name + ".part").c_str(), (options_.dir + name + ".eml").c_str());
    }
    if (!options_.quiet) {
      std::cout << name + 1 << " from " << envelope.sender.to_string() << " to";
      for (const auto& to : envelope.recipients) std::cout << ' ' << to.mailbox.to_string();
      std::cout << ", " << content.size() << " octets" << std::endl;
    }
    return true;
  }
  bool first_try(const std::string& recipient) { return tried_.insert(recipient).second; }

 private:
  const Options& options_;
  unsigned count_ = 0;
  std::set<std::string> tried_;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, Mailbag& bag,
          std::shared_ptr<const cordon::smtp::ServerOptions> options)
      : socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        bag_(bag),
        automaton_(std::move(options)) {}

  void drive() {
    for (;;) {
      const auto action = automaton_.next();
      switch (action.kind) {
        case ActionKind::write:
          out_.append(action.bytes);
          break;
        case ActionKind::need_input:
          return flush(false);
        case ActionKind::check_sender:
          automaton_.accept();
          break;
        case ActionKind::check_recipient:
          check_recipient();
          break;
        case ActionKind::open_body:
          body_.clear();
          automaton_.accept();
          break;
        case ActionKind::body:
          body_.append(action.bytes);
          break;
        case ActionKind::end_body:
          if (slow_) {
            automaton_.retain();
            slow_ = false;
            timer_.expires_after(std::chrono::seconds(1));
            timer_.async_wait([self = shared_from_this()](const error_code&) {
              self->end_body();
              self->drive();
            });
            return;
          }
          end_body();
          break;
        case ActionKind::drop_body:
        case ActionKind::transaction_over:
          body_.clear();
          break;
        case ActionKind::close:
          return flush(true);
      }
    }
  }

 private:
  void check_recipient() {
    const auto& mailbox = automaton_.proposed_recipient().mailbox;
    if (mailbox.local.starts_with("bounce"))
      return automaton_.refuse({550, {5, 1, 1}, "No such user here"});
    if (mailbox.local.starts_with("later") && bag_.first_try(mailbox.to_string()))
      return automaton_.refuse({450, {4, 2, 0}, "Greylisted, try again later"});
    slow_ = slow_ || mailbox.local.starts_with("slow");
    automaton_.accept();
  }

  void end_body() {
    if (bag_.keep(automaton_.envelope(), body_))
      automaton_.accept();
    else
      automaton_.refuse({451, {4, 3, 0}, "Cannot keep it"});
    body_.clear();
  }

  void flush(bool close) {
    boost::asio::async_write(
        socket_, boost::asio::buffer(out_),
        [self = shared_from_this(), close](const error_code& error, std::size_t) {
          self->out_.clear();
          if (!error && !close) self->read();
        });
  }

  void read() {
    socket_.async_read_some(boost::asio::buffer(in_),
                            [self = shared_from_this()](const error_code& error, std::size_t got) {
                              if (error) return;
                              self->automaton_.input({self->in_.data(), got});
                              self->drive();
                            });
  }

  tcp::socket socket_;
  boost::asio::steady_timer timer_;
  Mailbag& bag_;
  cordon::smtp::ServerAutomaton automaton_;
  std::string out_;
  std::string body_;
  bool slow_ = false;
  std::array<char, 16384> in_{};
};

class Server {
 public:
  Server(boost::asio::io_context& context, const Options& options)
      : bag_(options),
        acceptor_(context,
                  tcp::endpoint(boost::asio::ip::make_address(options.address), options.port)) {
    auto smtp = std::make_shared<cordon::smtp::ServerOptions>();
    smtp->hostname = "sink.example";
    smtp->smtputf8 = true;
    smtp_ = std::move(smtp);
  }
  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  void accept() {
    acceptor_.async_accept([this](const error_code& error, tcp::socket socket) {
      if (!error) {
        error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        std::make_shared<Session>(std::move(socket), bag_, smtp_)->drive();
      }
      accept();
    });
  }

 private:
  Mailbag bag_;
  tcp::acceptor acceptor_;
  std::shared_ptr<const cordon::smtp::ServerOptions> smtp_;
};

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--quiet") {
      options.quiet = true;
    } else if (word == "--dir" && i + 1 < argc) {
      options.dir = argv[++i];
    } else if (word == "--listen" && i + 1 < argc) {
      const std::string where = argv[++i];
      const auto colon = where.rfind(':');
      if (colon == std::string::npos) return false;
      options.address = where.substr(0, colon);
      options.port = static_cast<std::uint16_t>(std::stoul(where.substr(colon + 1)));
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::cerr << "usage: cordon-sink [--listen ADDRESS:PORT] [--dir DIR] [--quiet]\n";
    return 2;
  }
  try {
    boost::asio::io_context context(1);
    boost::asio::signal_set signals(context, SIGINT, SIGTERM);
    signals.async_wait([&](const error_code&, int) { context.stop(); });
    Server server(context, options);
    std::cout << "listening on " << server.port() << std::endl;
    server.accept();
    context.run();
  } catch (const std::exception& fault) {
    std::cerr << "cordon-sink: " << fault.what() << '\n';
    return 1;
  }
  return 0;
}
