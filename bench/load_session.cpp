#include "bench/load_session.h"

#include <array>
#include <cerrno>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/uio.h>

namespace cordon::bench {
namespace {

constexpr std::uint32_t hung_up = EPOLLRDHUP | EPOLLHUP | EPOLLERR;

void switch_on(int socket, int level, int option) {
  const int on = 1;
  setsockopt(socket, level, option, &on, sizeof on);
}

// All of 127/8 is this host's, so that every source is an origin of its own.
sockaddr_in source_address(std::uint32_t host) {
  sockaddr_in from{};
  from.sin_family = AF_INET;
  from.sin_addr.s_addr = htonl((127u << 24) + (1u << 8) + 1 + host);
  return from;
}

}  // namespace

Session::Session(const Plan& plan, Tally& tally, Poller& poller, std::uint32_t index)
    : plan_(plan), tally_(tally), poller_(poller), index_(index) {}

// ---- What it is told

Turn Session::send(std::uint64_t number) {
  message_ = number;
  return socket_ ? begin_message() : open();
}

Turn Session::open() {
  state_ = State::greeting;
  begun_ = 0;
  replies_ = {};
  since_ = Clock::now();
  socket_ = Descriptor(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket_) return lose();
  switch_on(socket_.number(), IPPROTO_TCP, TCP_NODELAY);
  // Loopback needs no pacing: where BBR is the default, its timers would be measured too.
  setsockopt(socket_.number(), IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
  if (plan_.options.from_hosts > 0) {
    // The port is chosen at connect(), when both ends are known: ip(7).
    switch_on(socket_.number(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
    const auto from = source_address(index_ % plan_.options.from_hosts);
    if (bind(socket_.number(), reinterpret_cast<const sockaddr*>(&from), sizeof from) != 0) {
      return lose();
    }
  }
  const auto& to = plan_.options.to;
  if (connect(socket_.number(), reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 &&
      errno != EINPROGRESS) {
    return lose();
  }
  poller_.watch(socket_.number(), this);
  return Turn::wait;
}

Turn Session::quit() {
  since_ = Clock::now();
  return command("QUIT\r\n", State::quit);
}

Turn Session::ready(std::uint32_t events, std::span<char> scratch) {
  if (!socket_) return Turn::wait;
  if (state_ == State::content && (events & EPOLLOUT) != 0) {
    if (const Turn turn = write_content(); turn != Turn::wait) return turn;
  }
  if ((events & (EPOLLIN | hung_up)) == 0) return Turn::wait;
  return read_all(events, scratch);
}

Turn Session::check_patience(Clock::time_point limit) {
  const bool waits = socket_ && state_ != State::free;
  return waits && since_ < limit ? lose() : Turn::wait;
}

// ---- Reading

Turn Session::read_all(std::uint32_t events, std::span<char> scratch) {
  Turn turn = Turn::wait;
  while (true) {
    const ssize_t got = recv(socket_.number(), scratch.data(), scratch.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return turn;
    if (got <= 0) {
      if (got < 0 || state_ != State::quit) return lose();
      finish(Phase::quit);
      return hang_up(Turn::closed);
    }
    std::string_view bytes(scratch.data(), static_cast<std::size_t>(got));
    while (const auto code = replies_.take(bytes)) {
      if (turn == Turn::free) return lose();  // nobody asked
      turn = replied(*code);
      if (!socket_) return turn;
    }
    // A read that the buffer outlasts has emptied the socket (epoll(7)), unless its end is there.
    const bool more = static_cast<std::size_t>(got) == scratch.size() || (events & hung_up) != 0;
    if (!more) return turn;
  }
}

Turn Session::replied(int code) {
  if (code < 200 || code > 599) return lose();
  switch (state_) {
    case State::greeting:
      if (code != 220) return refuse(code);
      return command(plan_.ehlo, State::ehlo);
    case State::ehlo:
      return answered_ehlo(code);
    case State::mail:
    case State::rcpt:
      return envelope_replied(code);
    case State::data:
      return data_replied(code);
    case State::dot:
      return dot_replied(code);
    case State::reset:
      if (code != 250) return lose();
      state_ = State::free;
      return Turn::free;
    case State::quit:
      return Turn::wait;
    case State::content:
      return refuse(code);
    case State::free:
      return lose();  // nobody asked
  }
  return lose();
}

// ---- The dialogue

Turn Session::answered_ehlo(int code) {
  if (code != 250) return refuse(code);
  finish(Phase::setup);
  state_ = State::free;
  return message_ ? begin_message() : Turn::free;
}

Turn Session::begin_message() {
  ++begun_;
  refused_ = false;
  since_ = Clock::now();
  std::string scratch;
  const std::string_view mail = plan_.mail.text(*message_, scratch);
  if (!plan_.options.pipelining) return command(mail, State::mail);
  std::string batch(mail);
  batch.append(plan_.rcpt.text(*message_, scratch)).append("DATA\r\n");
  return command(batch, State::mail);
}

Turn Session::envelope_replied(int code) {
  const bool mail = state_ == State::mail;
  const bool yes = code == 250 || (!mail && code == 251);  // RFC 5321 4.3.2
  if (plan_.options.pipelining) {
    tally_.time(mail ? Phase::mail : Phase::rcpt, Clock::now() - since_);
    if (code == 421) return refuse(code);
    refused_ = refused_ || !yes;
    state_ = mail ? State::rcpt : State::data;
    return Turn::wait;
  }
  finish(mail ? Phase::mail : Phase::rcpt);
  if (!yes) return refuse(code);
  if (!mail) return command("DATA\r\n", State::data);
  std::string scratch;
  return command(plan_.rcpt.text(*message_, scratch), State::rcpt);
}

Turn Session::data_replied(int code) {
  finish(Phase::data);
  // A batch whose RCPT was refused may still get its 354: then nothing but the dot is sent, and the
  // server refuses that (RFC 2920 3.1).
  if (refused_) return code == 354 ? command(".\r\n", State::dot) : refuse(code);
  if (code != 354) return refuse(code);
  state_ = State::content;
  written_ = 0;
  return write_content();
}

Turn Session::dot_replied(int code) {
  finish(Phase::dot);
  if (refused_ || code != 250) return refuse(code);
  tally_.count(&Counts::accepted);
  message_.reset();
  state_ = State::free;
  return Turn::free;
}

Turn Session::refuse(int code) {
  if (code < 400 && !refused_) return lose();  // no code that this command can have
  if (message_) {
    tally_.count(&Counts::refused);
  } else {
    tally_.count(&Counts::errors);
  }
  message_.reset();
  // After a refusal amid the content neither side knows where the next command begins.
  const bool over = code == 421 || state_ <= State::ehlo || state_ == State::content;
  return over ? hang_up(Turn::turned_away) : command("RSET\r\n", State::reset);
}

// ---- Writing

// A command goes into an empty socket, since all before it has been answered: if it does not fit as
// a whole, something is broken.
Turn Session::command(std::string_view line, State next) {
  state_ = next;
  const ssize_t sent = ::send(socket_.number(), line.data(), line.size(), MSG_NOSIGNAL);
  return sent == static_cast<ssize_t>(line.size()) ? Turn::wait : lose();
}

Turn Session::write_content() {
  std::array<char, Content::first_line_octets> line{};
  plan_.content.write_first_line(*message_, line);
  const std::string_view rest = plan_.content.rest();
  const std::size_t total = line.size() + rest.size();
  while (written_ < total) {
    const std::size_t of_line = std::min(written_, line.size());
    const std::size_t of_rest = written_ - of_line;
    // sendmsg() takes what it only reads as not const.
    std::array<iovec, 2> pieces{
        iovec{line.data() + of_line, line.size() - of_line},
        iovec{const_cast<char*>(rest.data()) + of_rest, rest.size() - of_rest}};
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    // Before the write, so that no work that the server does meanwhile is left out of its time.
    const auto before = Clock::now();
    const ssize_t sent = sendmsg(socket_.number(), &message, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno == EAGAIN ? Turn::wait : lose();
    written_ += static_cast<std::size_t>(sent);
    if (written_ < total) continue;
    tally_.time(Phase::content, Clock::now() - since_);
    since_ = before;
  }
  state_ = State::dot;
  return Turn::wait;
}

// ---- Ends

Turn Session::hang_up(Turn how) {
  socket_.reset();
  return how;
}

// A message that was not begun stays, for the next connection.
Turn Session::lose() {
  tally_.count(&Counts::errors);
  const bool begun = state_ > State::free && state_ < State::reset;
  if (message_ && begun) {
    tally_.count(&Counts::lost);
    message_.reset();
  }
  return hang_up(Turn::lost);
}

void Session::finish(Phase phase) {
  const auto now = Clock::now();
  tally_.time(phase, now - since_);
  since_ = now;
}

}  // namespace cordon::bench
