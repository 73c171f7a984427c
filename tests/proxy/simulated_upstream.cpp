#include "simulated_upstream.h"

#include <array>

#include <boost/asio/write.hpp>

#include "smtp/server_automaton.h"

namespace cordon::simulated {

using boost::asio::ip::tcp;
using smtp::ActionKind;

namespace {

std::string name_of(Moment moment) {
  switch (moment) {
    case Moment::before_content:
      return "before the content";
    case Moment::before_dot:
      return "before the dot";
    case Moment::after_dot:
      return "after the dot";
    case Moment::after_reply:
      return "after the reply";
  }
  return "";
}

std::shared_ptr<const smtp::ServerOptions> options() {
  smtp::ServerOptions options;
  options.hostname = "upstream.example";
  options.dsn = false;  // who asks for reports of success gets them from the gateway
  return std::make_shared<const smtp::ServerOptions>(options);
}

}  // namespace

class SimulatedUpstream::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(SimulatedUpstream& server, tcp::socket socket)
      : server_(server), socket_(std::move(socket)), automaton_(options()) {}
  ~Connection() = default;

  void run() {
    while (!closed_ && !hung_) {
      const smtp::Action action = automaton_.next();
      if (action.kind == ActionKind::need_input) return read();
      carry_out(action);
    }
  }

 private:
  void read() {
    socket_.async_read_some(boost::asio::buffer(buffer_),
                            [self = shared_from_this()](const auto& error, std::size_t got) {
                              if (error) {
                                self->automaton_.connection_lost();
                              } else {
                                self->automaton_.input({self->buffer_.data(), got});
                              }
                              self->run();
                            });
  }

  void carry_out(const smtp::Action& action) {
    switch (action.kind) {
      case ActionKind::write:
        return write(action.bytes);
      case ActionKind::check_recipient:
        return check_recipient();
      case ActionKind::open_body:
        content_.clear();
        first_ = automaton_.envelope().recipients.front().mailbox.to_string();
        reach(Moment::before_content);
        server_.in_content_ = true;
        return automaton_.accept();
      case ActionKind::body:
        if (content_.empty()) reach(Moment::before_dot);
        content_ += action.bytes;
        return;
      case ActionKind::end_body:
        return end_body();
      case ActionKind::check_sender:
        return automaton_.accept();
      case ActionKind::drop_body:
        server_.in_content_ = false;
        return;
      case ActionKind::close:
        return close();
      case ActionKind::transaction_over:
      case ActionKind::need_input:
      case ActionKind::start_tls:  // the rest is never offered
      case ActionKind::check_credentials:
      case ActionKind::check_client:
        return;
    }
  }

  void write(std::string_view bytes) {
    boost::system::error_code gone;
    boost::asio::write(socket_, boost::asio::buffer(bytes), gone);
    if (std::exchange(replying_, false)) reach(Moment::after_reply);
  }

  void check_recipient() {
    const smtp::Mailbox& mailbox = automaton_.proposed_recipient().mailbox;
    if (mailbox.local.starts_with("refused"))
      return automaton_.refuse({550, {5, 1, 1}, "No such person"});
    if (mailbox.local.starts_with("later") &&
        server_.mind_.put_off.insert(mailbox.to_string()).second)
      return automaton_.refuse({450, {4, 2, 0}, "Not now"});
    if (mailbox.local.starts_with("tardy") && ++server_.mind_.tardy[mailbox.to_string()] <= 3)
      return automaton_.refuse({450, {4, 2, 0}, "Not yet"});
    automaton_.accept();
  }

  void end_body() {
    server_.in_content_ = false;
    const bool silent = first_.starts_with("silent") && server_.mind_.put_off.insert(first_).second;
    const bool hung = first_.starts_with("hung") && server_.mind_.put_off.insert(first_).second;
    std::vector<std::string> recipients;
    for (const auto& recipient : automaton_.envelope().recipients)
      recipients.push_back(recipient.mailbox.to_string());
    server_.ledger_.arrived(content_, recipients, silent || hung);
    reach(Moment::after_dot);
    if (silent) return close();
    if (hung) return hang();
    replying_ = true;
    automaton_.accept();
  }

  // Till the client gives up.
  void hang() {
    hung_ = true;
    socket_.async_read_some(
        boost::asio::buffer(buffer_),
        [self = shared_from_this()](const auto&, std::size_t) { self->close(); });
  }

  void reach(Moment moment) {
    server_.points_.pass(name_of(moment) + " to " + first_);
    const auto plan = server_.mind_.plans.find({moment, first_});
    if (plan == server_.mind_.plans.end()) return;
    const auto act = plan->second;
    server_.mind_.plans.erase(plan);
    act();
  }

  void close() {
    closed_ = true;
    server_.in_content_ = false;
    --server_.connections_;
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  SimulatedUpstream& server_;
  tcp::socket socket_;
  smtp::ServerAutomaton automaton_;
  std::array<char, 16UL * 1024> buffer_{};
  std::string content_;
  std::string first_;  // recipient
  bool replying_ = false;
  bool closed_ = false;
  bool hung_ = false;
};

SimulatedUpstream::SimulatedUpstream(boost::asio::io_context& context, UpstreamMind& mind,
                                     Ledger& ledger, CrashPoints& points)
    : acceptor_(context, {boost::asio::ip::make_address("127.0.0.1"), 0}),
      mind_(mind),
      ledger_(ledger),
      points_(points) {
  accept();
}

SimulatedUpstream::~SimulatedUpstream() = default;

void SimulatedUpstream::accept() {
  acceptor_.async_accept([this](const auto& error, tcp::socket socket) {
    if (error) return;
    ++connections_;
    boost::system::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    std::make_shared<Connection>(*this, std::move(socket))->run();
    accept();
  });
}

}  // namespace cordon::simulated
