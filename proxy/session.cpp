#include "proxy/session.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "proxy/log.h"
#include "smtp/notice/received.h"

namespace cordon::proxy {

using smtp::ActionKind;
using std::chrono::steady_clock;
using store::ViolationPlace;

namespace {

// Operators hear of an alert when its transaction ends; of one beyond these only after a while.
constexpr std::size_t most_alerts = 32;

// An address as a record may show it: a bait has only its id there.
std::string shown(const std::optional<baits::BaitId>& bait, const smtp::Mailbox& mailbox) {
  if (!bait) return '<' + mailbox.to_string() + '>';
  return "<[bait " + std::to_string(static_cast<std::int64_t>(*bait)) + "]>";
}

}  // namespace

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
  if (const auto cordon = gateway_.recorded_under(peer_)) start_record(*cordon, {});
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
      return on_end_body();
    case ActionKind::drop_body:
      drop_body();
      return true;
    case ActionKind::transaction_over:
      end_transaction();
      return true;
    case ActionKind::start_tls:  // neither is offered
    case ActionKind::check_credentials:
    case ActionKind::check_client:
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
  follow_cordon();
  const auto& sender = automaton_.envelope().sender;
  if (!sender.null)
    if (const auto found = gateway_.matcher()->match(sender.mailbox))
      hit(*found, ViolationPlace::mail_from, false);
  const auto declared = automaton_.envelope().declared_size.value_or(0);
  if (!gateway_.intake().disk_has_room(declared, config_->settings().limits.min_free_disk)) {
    automaton_.refuse({452, {4, 3, 1}, "No space for mail now, try again later"});
    end_transaction();  // of a bait that was used, nothing more will come
    return;
  }
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
  keep_alert(outcome.alert);
  quarantine_message_ = quarantine_message_ || outcome.quarantine_message;
  const bool by_sender = place == ViolationPlace::mail_from;
  log::warn("violation", {{"session", peer_.session},
                          {"client", peer_.address},
                          {"bait", found.id},
                          {"alert", outcome.alert.id},
                          {"place", by_sender ? "mail_from" : "rcpt_to"}});
  std::string masked = by_sender
                           ? "MAIL FROM:" + shown(found.id, automaton_.envelope().sender.mailbox)
                           : "RCPT TO:" + shown(found.id, automaton_.proposed_recipient().mailbox);
  // The automaton showed the command just now, with the address in it.
  if (record_) lines_.back().text = masked;
  if (outcome.record && outcome.record != record_) start_record(*outcome.record, std::move(masked));
}

void Session::keep_alert(const store::Alert& alert) {
  const auto same = [&](const store::Alert& known) { return known.id == alert.id; };
  if (std::any_of(alerts_.begin(), alerts_.end(), same)) return;
  const bool first_cordon = alert.response == store::Response::cordon && !alerts_.empty() &&
                            alerts_.front().response != store::Response::cordon;
  alerts_.insert(first_cordon ? alerts_.begin() : alerts_.end(), alert);
  if (alerts_.size() > most_alerts) alerts_.pop_back();
}

// ---- content

void Session::on_open_body() {
  const auto& limits = config_->settings().limits;
  if (!gateway_.intake().has_memory(peer_.address, limits.content_memory)) {
    automaton_.refuse({452, {4, 3, 1}, "Too much mail is coming in, try again later"});
    return;
  }
  body_ = std::make_shared<IncomingBody>(gateway_, worker_.context(), peer_.address, limits,
                                         [self = weak_from_this()] {
                                           const auto session = self.lock();
                                           if (session && session->waiting_ == Waiting::store)
                                             session->drive();
                                         });
  automaton_.accept();
}

bool Session::on_body(std::string_view bytes) {
  if (body_->feed(bytes)) return true;
  waiting_ = Waiting::store;
  automaton_.retain();
  return false;
}

bool Session::on_end_body() {
  if (body_->failed()) {
    drop_body();
    automaton_.refuse({452, {4, 3, 1}, "Cannot store the message now, try again later"});
    end_transaction();
    return true;
  }
  waiting_ = Waiting::store;
  automaton_.retain();
  if (body_->take_turn([self = shared_from_this()] { self->submit(); })) submit();
  return false;
}

void Session::submit() {
  Submission submission = body_->complete();
  submission.envelope = &automaton_.envelope();
  submission.quarantine_alone = quarantine_message_;
  if (!alerts_.empty()) submission.violation = alerts_.front();
  submission.trace = trace_field();
  gateway_.accept(
      peer_, std::move(submission), [self = shared_from_this()](AcceptOutcome outcome) mutable {
        auto& context = self->worker_.context();
        boost::asio::post(context, [self = std::move(self), outcome] { self->on_stored(outcome); });
      });
}

std::string Session::trace_field() const {
  const auto& envelope = automaton_.envelope();
  const std::string id = std::to_string(static_cast<std::int64_t>(body_->id()));
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
  facts.recipient_is_bait = !alerts_.empty();
  return notice::received_field(facts);
}

void Session::on_stored(AcceptOutcome outcome) {
  const auto id = body_->id();
  body_->answered();
  switch (outcome) {
    case AcceptOutcome::stored:
      log::info("message.accepted", {{"session", peer_.session},
                                     {"id", id},
                                     {"octets", body_->octets()},
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
  if (body_) body_->drop();
  body_.reset();
}

void Session::end_transaction() {
  for (const auto& alert : std::exchange(alerts_, {})) gateway_.transaction_ended(alert);
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
  // No more content than the piece at hand takes: what lies over would have to be copied and kept.
  const auto most = body_ ? body_->room() : buffer.size();
  const auto got = socket_.read_some(boost::asio::buffer(buffer.data(), most), failed);
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

// At each MAIL: the cordon may have been raised, or lifted, while the session was open.
void Session::follow_cordon() {
  const auto now = cordon_now();
  if (now == record_) return;
  if (record_) end_record();
  if (now) start_record(*now, sender_line());
}

std::optional<store::CordonId> Session::cordon_now() {
  if (const auto own = gateway_.recorded_under(peer_)) return own;
  if (!record_) return std::nullopt;
  // Under a review of all only those sessions are recorded that met a bait.
  const auto of_all = gateway_.with_policy(
      [](Policy& policy) { return policy.recovery.standing(store::everything); });
  return of_all && of_all->id == *record_ ? record_ : std::nullopt;
}

// With what is known of the past; `at_hand` is the command that is being performed, if one is.
void Session::start_record(store::CordonId cordon, std::string at_hand) {
  record_ = cordon;
  automaton_.set_recorder(
      [this](smtp::Speaker speaker, std::string_view line) { on_line(speaker, line); });
  add_line(false, "[record of " + peer_.session + " from " + peer_.address + " at " +
                      peer_.listener + "]");
  if (!automaton_.helo_name().empty())
    add_line(true,
             (automaton_.extended() ? "EHLO " : "HELO ") + std::string(automaton_.helo_name()));
  if (automaton_.in_transaction()) {
    add_line(true, sender_line());
    for (const auto& recipient : automaton_.envelope().recipients)
      add_line(true, recipient_line(recipient.mailbox));
  }
  if (!at_hand.empty()) add_line(true, std::move(at_hand));
}

// Before the MAIL at hand, which belongs to it no longer.
void Session::end_record() {
  lines_.pop_back();
  add_line(false, "[the cordon stands no longer]");
  flush_lines();
  automaton_.set_recorder({});
  record_.reset();
}

std::string Session::sender_line() const {
  const auto& sender = automaton_.envelope().sender;
  if (sender.null) return "MAIL FROM:<>";
  const auto found = gateway_.matcher()->match(sender.mailbox);
  return "MAIL FROM:" + shown(found ? std::optional(found->id) : std::nullopt, sender.mailbox);
}

std::string Session::recipient_line(const smtp::Mailbox& mailbox) const {
  const auto found = gateway_.matcher()->match(mailbox);
  return "RCPT TO:" + shown(found ? std::optional(found->id) : std::nullopt, mailbox);
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
