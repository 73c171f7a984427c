#include "bench/sink_session.h"

#include <cerrno>

#include <sys/epoll.h>
#include <sys/socket.h>

namespace cordon::bench {

using smtp::Action;
using smtp::ActionKind;

namespace {
constexpr std::uint32_t hung_up = EPOLLRDHUP | EPOLLHUP | EPOLLERR;
}

SinkSession::SinkSession(Descriptor socket, Mailbag& bag,
                         std::shared_ptr<const smtp::ServerOptions> options)
    : socket_(std::move(socket)), bag_(bag), automaton_(std::move(options)) {}

SinkSession::State SinkSession::ready(std::uint32_t events, SinkBuffers& buffers) {
  if (sleeping_) return State::open;
  if (!greeted_) {
    greeted_ = true;
    drive(buffers);
  }
  for (bool drained = false;;) {
    if (!flush(buffers.out)) return State::over;
    if (sleeping_) return State::slow;
    // Who does not read his replies gets no more of them.
    if (!unsent_.empty()) return State::open;
    if (closing_) return State::over;
    if (drained) return State::open;
    const ssize_t got = recv(socket_.number(), buffers.in.data(), buffers.in.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return State::open;
    if (got <= 0) return State::over;
    // A read that the buffer outlasts has emptied the socket (epoll(7)), unless its end is there.
    drained = static_cast<std::size_t>(got) < buffers.in.size() && (events & hung_up) == 0;
    automaton_.input({buffers.in.data(), static_cast<std::size_t>(got)});
    drive(buffers);
  }
}

SinkSession::State SinkSession::resume(SinkBuffers& buffers) {
  sleeping_ = false;
  end_body();
  drive(buffers);
  return ready(hung_up, buffers);  // what came meanwhile was announced then: read to the end
}

void SinkSession::drive(SinkBuffers& buffers) {
  while (!closing_ && !sleeping_) {
    const Action action = automaton_.next();
    if (action.kind == ActionKind::need_input) return;
    obey(action, buffers);
  }
}

void SinkSession::obey(const Action& action, SinkBuffers& buffers) {
  switch (action.kind) {
    case ActionKind::write:
      buffers.out.append(action.bytes);
      break;
    case ActionKind::need_input:
    case ActionKind::start_tls:  // the rest is never offered
    case ActionKind::check_credentials:
    case ActionKind::check_client:
      break;
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
      if (bag_.wants_content()) body_.append(action.bytes);
      break;
    case ActionKind::end_body:
      if (!answer_late_) return end_body();
      automaton_.retain();
      sleeping_ = true;
      break;
    case ActionKind::drop_body:
    case ActionKind::transaction_over:
      forget_body();
      break;
    case ActionKind::close:
      closing_ = true;
      break;
  }
}

void SinkSession::check_recipient() {
  const auto& mailbox = automaton_.proposed_recipient().mailbox;
  if (mailbox.local.starts_with("bounce")) {
    return automaton_.refuse({550, {5, 1, 1}, "No such user here"});
  }
  if (mailbox.local.starts_with("later") && bag_.first_try(mailbox.to_string())) {
    return automaton_.refuse({450, {4, 2, 0}, "Greylisted, try again later"});
  }
  answer_late_ = answer_late_ || mailbox.local.starts_with("slow");
  automaton_.accept();
}

void SinkSession::end_body() {
  if (bag_.keep(automaton_.envelope(), body_, automaton_.body_octets())) {
    automaton_.accept();
  } else {
    automaton_.refuse({451, {4, 3, 0}, "Cannot keep it"});
  }
  forget_body();
}

void SinkSession::forget_body() {
  body_.clear();
  answer_late_ = false;
}

// Sends what is unsent and `out`, which it empties; false if the connection is lost.
bool SinkSession::flush(std::string& out) {
  if (!unsent_.empty()) {
    unsent_.append(out);
    out.swap(unsent_);
    unsent_.clear();
  }
  std::string_view rest = out;
  bool lost = false;
  while (!rest.empty() && !lost) {
    const ssize_t sent = send(socket_.number(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      rest.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      unsent_ = rest;
      break;
    } else {
      lost = errno != EINTR;
    }
  }
  out.clear();
  return !lost;
}

}  // namespace cordon::bench
