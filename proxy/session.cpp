#include "proxy/session.h"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <openssl/evp.h>

#include "proxy/log.h"
#include "smtp/notice/received.h"

namespace cordon::proxy {

using smtp::ActionKind;
using std::chrono::steady_clock;
using store::ViolationPlace;

// The message that is coming in: what is not yet given to the store, and what is learnt on the way.
struct Session::Body {
  store::MessageId id{};
  std::string bytes;         // the piece at hand, at most max_body_piece
  std::uint32_t pieces = 0;  // given to the store
  bool appending = false;    // one piece is on its way: no more is read until it has arrived
  bool failed = false;
  std::uint64_t octets = 0;
  notice::HeaderScan header;
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

Session::Session(boost::asio::ip::tcp::socket socket, Worker& worker, Gateway& gateway, Peer peer,
                 std::shared_ptr<const smtp::ServerOptions> options,
                 std::shared_ptr<const Config> config)
    : socket_(std::move(socket)),
      worker_(worker),
      gateway_(gateway),
      config_(std::move(config)),
      peer_(std::move(peer)),
      automaton_(std::move(options)),
      began_(steady_clock::now()),
      last_heard_(began_) {}

Session::~Session() { gateway_.counters().sessions.fetch_sub(1, std::memory_order_relaxed); }

void Session::start() {
  boost::system::error_code ignored;
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  socket_.non_blocking(true, ignored);
  log::info("session.began",
            {{"session", peer_.session}, {"client", peer_.address}, {"listener", peer_.listener}});
  if (const auto cordon = gateway_.recorded_under(peer_)) start_record(*cordon, false);
  drive();
}

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
      return true;
    case ActionKind::need_input:
      flush_lines();
      if (out_.empty())
        wait_for_input();
      else
        flush();
      return false;
    case ActionKind::check_sender:
      on_sender();
      return true;
    case ActionKind::check_recipient:
      on_recipient();
      return true;
    case ActionKind::open_body:
      on_open_body();
      return true;
    case ActionKind::body:
      return on_body(action.bytes);
    case ActionKind::end_body:
      on_end_body();
      return false;
    case ActionKind::drop_body:
      drop_body();
      return true;
    case ActionKind::transaction_over:
      end_transaction();
      return true;
    case ActionKind::close:
      flush_lines();
      closing_ = true;
      if (out_.empty())
        close();
      else
        flush();
      return false;
  }
  return false;
}

// ---- envelope

void Session::on_sender() {
  const auto& sender = automaton_.envelope().sender;
  if (!sender.null)
    if (const auto found = gateway_.matcher()->match(sender.mailbox))
      hit(*found, ViolationPlace::mail_from, false);
  automaton_.accept();
}

void Session::on_recipient() {
  if (const auto found = gateway_.matcher()->match(automaton_.proposed_recipient().mailbox))
    hit(*found, ViolationPlace::rcpt_to, automaton_.envelope().sender.null);
  automaton_.accept();
}

// The client must not learn of it: the reply and its time are those of any address. All that takes
// time (storing, telling, warning) goes on behind the session's back.
void Session::hit(const baits::Hit& found, ViolationPlace place, bool null_sender) {
  const HitOutcome outcome = gateway_.violation(peer_, found, place, null_sender);
  if (!violation_) violation_ = outcome.alert;
  quarantine_message_ = quarantine_message_ || outcome.quarantine_message;
  log::warn("violation", {{"session", peer_.session},
                          {"client", peer_.address},
                          {"bait", found.id},
                          {"alert", outcome.alert.id},
                          {"place", place == ViolationPlace::mail_from ? "mail_from" : "rcpt_to"}});
  if (outcome.record && !record_) start_record(*outcome.record, true);
  if (record_) {
    // The address itself is not for the record: a bait has an id.
    std::string text = place == ViolationPlace::mail_from ? "MAIL FROM:<[bait " : "RCPT TO:<[bait ";
    text += std::to_string(static_cast<std::int64_t>(found.id)) + "]>";
    for (auto line = lines_.rbegin(); line != lines_.rend(); ++line)
      if (line->from_client) {
        line->text = text;
        return;
      }
    add_line(true, std::move(text));
  }
}

// ---- content

void Session::on_open_body() {
  body_ = std::make_unique<Body>();
  body_->id = gateway_.store().next_message_id();
  EVP_DigestInit_ex(body_->digest.get(), EVP_sha256(), nullptr);
  automaton_.accept();
}

bool Session::on_body(std::string_view bytes) {
  body_->header.feed(bytes);
  body_->octets += bytes.size();
  EVP_DigestUpdate(body_->digest.get(), bytes.data(), bytes.size());
  while (!bytes.empty()) {
    const auto room = store::max_body_piece - body_->bytes.size();
    const auto taken = std::min(room, bytes.size());
    body_->bytes.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (body_->bytes.size() == store::max_body_piece) append_piece();
  }
  if (!body_->appending) return true;
  waiting_ = Waiting::store;
  automaton_.retain();
  return false;
}

void Session::append_piece() {
  body_->appending = true;
  store::Batch batch;
  batch.push_back(store::AppendBody{body_->id, body_->pieces++, std::move(body_->bytes)});
  body_->bytes.clear();
  gateway_.store().submit(
      std::move(batch), [self = shared_from_this(), id = body_->id](const store::Answer& answer) {
        boost::asio::post(self->worker_.context(), [self, id, ok = answer.ok()] {
          if (!self->body_ || self->body_->id != id) return;
          self->body_->appending = false;
          self->body_->failed = self->body_->failed || !ok;
          if (self->waiting_ == Waiting::store) self->drive();
        });
      });
}

void Session::on_end_body() {
  if (body_->failed) {
    drop_body();
    automaton_.refuse({452, {4, 3, 1}, "Cannot store the message now, try again later"});
    end_transaction();
    boost::asio::post(worker_.context(), [self = shared_from_this()] { self->drive(); });
    return;
  }
  waiting_ = Waiting::store;
  automaton_.retain();
  Submission submission{.id = body_->id,
                        .envelope = &automaton_.envelope(),
                        .last_piece = body_->pieces,
                        .last_bytes = std::move(body_->bytes),
                        .octets = body_->octets,
                        .facts = body_->header.facts(),
                        .violation = violation_,
                        .quarantine_alone = quarantine_message_};
  EVP_DigestFinal_ex(body_->digest.get(), submission.digest.data(), nullptr);
  submission.trace = trace_field();
  gateway_.accept(peer_, std::move(submission), [self = shared_from_this()](AcceptOutcome outcome) {
    boost::asio::post(self->worker_.context(), [self, outcome] { self->on_stored(outcome); });
  });
}

std::string Session::trace_field() const {
  const auto& envelope = automaton_.envelope();
  const std::string id = std::to_string(static_cast<std::int64_t>(body_->id));
  std::string recipient;
  if (envelope.recipients.size() == 1) recipient = envelope.recipients.front().mailbox.to_string();
  notice::TraceFacts facts;
  facts.helo = automaton_.helo_name();
  facts.peer = peer_.address;
  facts.hostname = config_->hostname();
  facts.protocol = envelope.smtputf8       ? notice::Protocol::utf8smtp
                   : automaton_.extended() ? notice::Protocol::esmtp
                                           : notice::Protocol::smtp;
  facts.id = id;
  facts.at = wall_now();
  facts.sole_recipient = recipient;
  facts.recipient_is_bait = violation_.has_value();
  return notice::received_field(facts);
}

void Session::on_stored(AcceptOutcome outcome) {
  const auto id = body_->id;
  switch (outcome) {
    case AcceptOutcome::stored:
      log::info("message.accepted", {{"session", peer_.session},
                                     {"id", id},
                                     {"octets", body_->octets},
                                     {"recipients", automaton_.envelope().recipients.size()}});
      automaton_.accept("queued as " + std::to_string(static_cast<std::int64_t>(id)));
      break;
    case AcceptOutcome::cap_reached:
      automaton_.refuse({452, {4, 3, 2}, "Too many messages are waiting, try again later"});
      break;
    case AcceptOutcome::store_full:
      automaton_.refuse({452, {4, 3, 1}, "No space for the message now, try again later"});
      break;
    case AcceptOutcome::store_failed:
      automaton_.refuse({451, {4, 3, 0}, "Cannot store the message now, try again later"});
      break;
  }
  if (outcome != AcceptOutcome::stored) drop_body();
  body_.reset();
  end_transaction();
  last_heard_ = steady_clock::now();
  drive();
}

void Session::drop_body() {
  if (!body_) return;
  if (body_->pieces > 0) {
    store::Batch batch;
    batch.push_back(store::DropBody{body_->id});
    gateway_.store().submit(std::move(batch), [](const store::Answer&) {});
  }
  // on_stored still reads the id of a body that could not be stored.
  if (waiting_ != Waiting::store) body_.reset();
}

void Session::end_transaction() {
  if (violation_) gateway_.transaction_ended(*violation_);
  violation_.reset();
  quarantine_message_ = false;
}

// ---- socket

void Session::flush() {
  waiting_ = Waiting::write;
  // Most replies fit the socket's buffer: then no event is needed.
  boost::system::error_code error;
  const auto sent = socket_.write_some(boost::asio::buffer(out_), error);
  if (error && error != boost::asio::error::would_block) return lost(error);
  sent_ = error ? 0 : sent;
  if (sent_ == out_.size()) return on_written({}, 0);
  boost::asio::async_write(
      socket_, boost::asio::buffer(out_.data() + sent_, out_.size() - sent_),
      [self = shared_from_this()](const boost::system::error_code& e, std::size_t octets) {
        self->on_written(e, octets);
      });
}

void Session::on_written(const boost::system::error_code& error, std::size_t) {
  if (closed_) return;
  if (error) return lost(error);
  if (out_.capacity() > 4096)
    std::string().swap(out_);
  else
    out_.clear();
  if (closing_) return close();
  wait_for_input();
}

void Session::wait_for_input() {
  waiting_ = Waiting::read;
  socket_.async_wait(boost::asio::ip::tcp::socket::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->on_readable(error);
                     });
}

void Session::on_readable(const boost::system::error_code& error) {
  // Who cancels a wait goes on with the session, and may be waiting again by now.
  if (error == boost::asio::error::operation_aborted) return;
  if (closed_ || waiting_ != Waiting::read) return;
  if (error) return lost(error);
  boost::system::error_code failed;
  auto& buffer = worker_.read_buffer();
  const auto got = socket_.read_some(boost::asio::buffer(buffer), failed);
  if (failed == boost::asio::error::would_block) return wait_for_input();
  if (failed) return lost(failed);
  last_heard_ = steady_clock::now();
  automaton_.input({buffer.data(), got});
  drive();
}

void Session::lost(const boost::system::error_code& error) {
  if (closed_) return;
  end_reason_ = error == boost::asio::error::eof ? "client closed" : error.message();
  out_.clear();
  automaton_.connection_lost();
  drive();
}

void Session::close() {
  if (closed_) return;
  closed_ = true;
  drop_body();
  end_transaction();
  flush_lines();
  boost::system::error_code ignored;
  socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
  socket_.close(ignored);
  log::info("session.ended", {{"session", peer_.session}, {"why", end_reason_}});
  worker_.remove(*this);
}

// ---- time and stop

void Session::check_time(steady_clock::time_point now) {
  if (closed_) return;
  const auto& limits = config_->settings().limits;
  const bool total = now - began_ > limits.session_timeout;
  const bool idle = now - last_heard_ > limits.command_timeout;
  if (!total && !idle) return;
  if (waiting_ == Waiting::read) {
    waiting_ = Waiting::nothing;
    boost::system::error_code ignored;
    socket_.cancel(ignored);
    end_reason_ = total ? "session time-out" : "idle time-out";
    automaton_.time_out();
    drive();
  } else if (waiting_ == Waiting::write) {
    // A client that does not take its replies gets no further one.
    end_reason_ = "slow reader";
    close();
  }
}

void Session::shut_down() {
  if (closed_) return;
  automaton_.shut_down();
  if (waiting_ != Waiting::read) return;
  waiting_ = Waiting::nothing;
  boost::system::error_code ignored;
  socket_.cancel(ignored);
  drive();
}

void Session::abort() {
  if (closed_ || waiting_ == Waiting::store) return;
  close();
}

// ---- the record of a cordoned session (BESIDES 3.2: "subject to audition")

void Session::start_record(store::CordonId cordon, bool with_past) {
  record_ = cordon;
  automaton_.set_recorder(
      [this](smtp::Speaker speaker, std::string_view line) { on_line(speaker, line); });
  add_line(false, "[record of " + peer_.session + " from " + peer_.address + " at " +
                      peer_.listener + "]");
  if (!with_past) return;
  add_line(true, (automaton_.extended() ? "EHLO " : "HELO ") + std::string(automaton_.helo_name()));
  if (!automaton_.in_transaction()) return;
  const auto& envelope = automaton_.envelope();
  add_line(true, "MAIL FROM:" + envelope.sender.to_string());
  for (const auto& recipient : envelope.recipients)
    add_line(true, "RCPT TO:<" + recipient.mailbox.to_string() + ">");
  add_line(true, "[the command at hand]");
}

void Session::on_line(smtp::Speaker speaker, std::string_view line) {
  add_line(speaker == smtp::Speaker::client, std::string(line));
}

void Session::add_line(bool from_client, std::string text) {
  lines_.push_back({.cordon = *record_,
                    .session = peer_.session,
                    .at = wall_now(),
                    .from_client = from_client,
                    .text = std::move(text)});
}

void Session::flush_lines() {
  for (auto& line : lines_) gateway_.record(std::move(line));
  lines_.clear();
}

}  // namespace cordon::proxy
