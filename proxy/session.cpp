#include "proxy/session.h"

#include <utility>

#include <boost/asio/post.hpp>
#include <openssl/crypto.h>

#include "proxy/log.h"

namespace cordon::proxy {

using smtp::ActionKind;
using std::chrono::steady_clock;

namespace {

// The pace of content is looked at over this long.
constexpr std::chrono::seconds pace_span{60};

// Room for replies that is not given back: enough for those to the commands of a message, and less
// than the one to EHLO, after which many a session idles.
constexpr std::size_t most_kept = 200;  // octets

// Replies that gather before they are written, whatever the client has sent: who reads none gets no
// further ones.
constexpr std::size_t most_gathered = std::size_t{16} * 1024;  // octets

}  // namespace

Session::Session(boost::asio::ip::tcp::socket socket, Worker& worker,
                 const SessionServices& services, SessionTerms terms, Peer peer,
                 Doorkeeper::Place place)
    : transport_(std::move(socket)),
      worker_(worker),
      services_(services),
      gateway_(services.gateway),
      place_(std::move(place)),
      config_(std::move(terms.config)),
      terms_(std::move(terms.listener)),
      peer_(std::move(peer)),
      automaton_(std::move(terms.options)),
      record_(gateway_, automaton_, peer_),
      began_(steady_clock::now()),
      last_heard_(began_) {}

Session::~Session() { gateway_.counters().sessions.fetch_sub(1, std::memory_order_relaxed); }

// ---- the loop

void Session::drive() {
  waiting_ = Waiting::nothing;
  while (!closed_) {
    const smtp::Action action = automaton_.next();
    if (!carry_out(action)) return;
  }
}

bool Session::carry_out(const smtp::Action& action) {
  switch (action.kind) {
    case ActionKind::write:
      out_.append(action.bytes);
      if (out_.size() < most_gathered) return true;
      automaton_.retain();
      wipe_secrets();
      record_.flush();
      write_then(Then::go_on);
      return false;
    case ActionKind::need_input:
      wipe_secrets();
      record_.flush();
      write_then(Then::read);
      return false;
    case ActionKind::check_sender:
      on_sender();
      return true;
    case ActionKind::check_recipient:
      return on_recipient();
    case ActionKind::open_body:
      on_open_body();
      return true;
    case ActionKind::body:
      return on_body(action.bytes);
    case ActionKind::end_body:
      return on_end_body();
    case ActionKind::drop_body:
      drop_body();
      return true;
    case ActionKind::transaction_over:
      end_transaction();
      return true;
    case ActionKind::start_tls:
      record_.flush();
      write_then(Then::handshake);
      return false;
    case ActionKind::check_credentials:
      return on_credentials();
    case ActionKind::check_client:
      on_client();
      return true;
    case ActionKind::close:
      wipe_secrets();
      record_.flush();
      write_then(Then::close);
      return false;
  }
  return false;
}

// ---- the transport

void Session::write_then(Then then) {
  then_ = then;
  if (out_.empty()) return on_written();
  sent_ = 0;
  flush();
}

// Most replies fit the socket's buffer: then no event is needed.
void Session::flush() {
  waiting_ = Waiting::write;
  while (sent_ < out_.size()) {
    const Step step = transport_.write_some(std::string_view(out_).substr(sent_));
    if (step.error) return lost(step.error);
    if (step.octets == 0) {
      transport_.async_wait(step.want,
                            [self = shared_from_this()](const boost::system::error_code& error) {
                              if (self->closed_ || self->waiting_ != Waiting::write) return;
                              if (error) return self->lost(error);
                              self->flush();
                            });
      return;
    }
    sent_ += step.octets;
  }
  if (out_.capacity() > most_kept)
    std::string().swap(out_);
  else
    out_.clear();
  on_written();
}

void Session::on_written() {
  switch (then_) {
    case Then::read:
      return wait_for_input();
    case Then::go_on:  // in turn, as with input; no client is waited for
      waiting_ = Waiting::nothing;
      return boost::asio::post(worker_.context(), [self = shared_from_this()] { self->drive(); });
    case Then::handshake:
      return begin_handshake();
    case Then::close:
      return close();
  }
}

void Session::wait_for_input() {
  if (!transport_.pending()) return wait_until(Want::read);
  waiting_ = Waiting::read;
  // In turn: a client that sends without end is not the only one here.
  boost::asio::post(worker_.context(), [self = shared_from_this()] { self->on_readable({}); });
}

void Session::wait_until(Want want) {
  waiting_ = Waiting::read;
  transport_.async_wait(want, [self = shared_from_this()](const boost::system::error_code& error) {
    self->on_readable(error);
  });
}

void Session::on_readable(const boost::system::error_code& error) {
  // Who cancels a wait goes on with the session, and may be waiting again by now.
  if (error == boost::asio::error::operation_aborted) return;
  if (closed_ || waiting_ != Waiting::read) return;
  if (error) return lost(error);
  auto& buffer = worker_.read_buffer();
  // No more content than the piece at hand takes: what lies over would have to be copied and kept.
  const auto most = body_ ? body_->room() : buffer.size();
  const Step step = transport_.read_some({buffer.data(), most});
  if (step.error) return lost(step.error);
  if (step.octets == 0) return wait_until(step.want);
  last_heard_ = steady_clock::now();
  automaton_.input({buffer.data(), step.octets});
  drive();
}

// The worker's buffer held a secret, and is every session's.
void Session::wipe_secrets() {
  if (!automaton_.input_was_secret()) return;
  auto& buffer = worker_.read_buffer();
  OPENSSL_cleanse(buffer.data(), buffer.size());
}

void Session::lost(const boost::system::error_code& error) {
  if (closed_) return;
  const std::string trouble = transport_.tls_trouble();
  end_reason_ = error == boost::asio::error::eof ? "client closed"
                : trouble.empty()                ? error.message()
                                                 : "TLS: " + trouble;
  out_.clear();
  automaton_.connection_lost();
  drive();
}

void Session::end(const char* reason) {
  end_reason_ = reason;
  close();
}

void Session::close() {
  if (closed_) return;
  closed_ = true;
  drop_body();
  end_transaction();
  record_.flush();
  transport_.close();
  place_ = {};
  services_.door.count_errors(peer_.address, automaton_.errors(), limits().max_errors_per_minute);
  const std::string_view why =
      end_reason_.empty() ? automaton_.end_reason() : std::string_view(end_reason_);
  log::info("session.ended", {{"session", peer_.session}, {"why", why}});
  if (why == "too many errors") services_.door.excess(peer_.address, Limited::errors);
  worker_.remove(*this);
}

// ---- time and stop

void Session::check_time(steady_clock::time_point now) {
  if (closed_) return;
  const bool total = now - began_ > limits().session_timeout;
  const bool idle = now - last_heard_ > limits().command_timeout;
  const bool slow = too_slow(now);
  if (!total && !idle && !slow) return;
  switch (waiting_) {
    case Waiting::read:
      end_reason_ = total ? "session time-out" : idle ? "idle time-out" : "slow writer";
      automaton_.time_out();
      return interrupt();
    case Waiting::write:
      // A client that does not take its replies gets no further one.
      return end("slow reader");
    case Waiting::proxy_header:
      return end("no PROXY header in time");
    case Waiting::handshake:
      return end("no TLS handshake in time");
    case Waiting::nothing:
    case Waiting::delay:
    case Waiting::store:
    case Waiting::credentials:
    case Waiting::recipient:
      return;  // it is not the client that we wait for
  }
}

// Only while we wait for content does the client's time run; between two chunks it is that of
// commands.
bool Session::too_slow(steady_clock::time_point now) {
  if (!body_ || !automaton_.in_content() || waiting_ != Waiting::read) {
    pace_began_ = now;
    pace_octets_ = automaton_.body_octets();
    return false;
  }
  if (now - pace_began_ < pace_span) return false;
  const auto octets = automaton_.body_octets();
  const bool slow = octets - pace_octets_ < limits().min_content_rate * pace_span.count();
  pace_began_ = now;
  pace_octets_ = octets;
  return slow;
}

void Session::shut_down() {
  if (closed_) return;
  if (!greeted_ && waiting_ != Waiting::delay) return end("shutdown");
  automaton_.shut_down();
  if (waiting_ == Waiting::handshake) return end("shutdown");
  if (waiting_ == Waiting::read) interrupt();
}

// Goes on without what the session was waiting for.
void Session::interrupt() {
  waiting_ = Waiting::nothing;
  transport_.cancel();
  drive();
}

void Session::abort() {
  if (closed_ || waiting_ == Waiting::store) return;
  close();
}

}  // namespace cordon::proxy
