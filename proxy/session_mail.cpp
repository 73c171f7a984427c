// A session's mail: the envelope, the baits in it, the content, and its way into the store.
#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "proxy/host_rates.h"
#include "proxy/log.h"
#include "proxy/session.h"
#include "smtp/notice/received.h"
#include "smtp/xclient.h"

namespace cordon::proxy {

using store::ViolationPlace;

namespace {

// Operators hear of an alert when its transaction ends; of one beyond these only after a while.
constexpr std::size_t most_alerts = 32;

}  // namespace

// ---- envelope

void Session::on_sender() {
  record_.follow_cordon();
  const auto& sender = automaton_.envelope().sender;
  if (!sender.null)
    if (const auto found = gateway_.matcher()->match(sender.mailbox))
      hit(*found, ViolationPlace::mail_from, false);
  const auto declared = automaton_.envelope().declared_size.value_or(0);
  // If one of these refuses, nothing more will come of a bait that was used.
  if (!services_.door.count(peer_.address, Limited::messages, limits().max_messages_per_minute)) {
    automaton_.refuse({450, {4, 7, 0}, "Too many messages from here, try again later"});
    return end_transaction();
  }
  if (!gateway_.intake().disk_has_room(declared, limits().min_free_disk)) {
    automaton_.refuse({452, {4, 3, 1}, "No space for mail now, try again later"});
    return end_transaction();
  }
  automaton_.accept();
}

bool Session::on_recipient() {
  if (const auto found = gateway_.matcher()->match(automaton_.proposed_recipient().mailbox))
    hit(*found, ViolationPlace::rcpt_to, automaton_.envelope().sender.null);
  if (!services_.door.count(peer_.address, Limited::recipients,
                            limits().max_recipients_per_minute)) {
    automaton_.refuse({452, {4, 7, 0}, "Too many recipients from here, try again later"});
    return true;
  }
  if (terms_->settings.verify_recipients == VerifyRecipients::none) {
    automaton_.accept();
    return true;
  }
  ask_upstream();
  return false;
}

void Session::ask_upstream() {
  waiting_ = Waiting::recipient;
  automaton_.retain();
  const auto& envelope = automaton_.envelope();
  RecipientCheck::Question question{
      peer_.listener,    envelope.sender, automaton_.proposed_recipient().mailbox,
      envelope.smtputf8, login_,          client_facts()};
  auto tell = [self = shared_from_this()](const std::optional<smtp::Reply>& refusal) mutable {
    auto& context = self->worker_.context();
    boost::asio::post(context,
                      [self = std::move(self), refusal] { self->on_recipient_checked(refusal); });
  };
  services_.recipients.ask(std::move(question), std::move(tell));
}

void Session::on_recipient_checked(const std::optional<smtp::Reply>& refusal) {
  if (closed_) return;
  last_heard_ = std::chrono::steady_clock::now();
  if (refusal)
    automaton_.refuse(*refusal);
  else
    automaton_.accept();
  drive();
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
  record_.bait_used(
      found.id, by_sender,
      by_sender ? automaton_.envelope().sender.mailbox : automaton_.proposed_recipient().mailbox,
      outcome.record);
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
  // As the doorkeeper counts: who has a network of addresses has no more room by it.
  std::string host = host_of(peer_.address);
  if (!gateway_.intake().has_memory(host, limits().content_memory)) {
    automaton_.refuse({452, {4, 3, 1}, "Too much mail is coming in, try again later"});
    return;
  }
  body_ = std::make_shared<IncomingBody>(gateway_, worker_.context(), std::move(host), limits(),
                                         [self = weak_from_this()] {
                                           const auto session = self.lock();
                                           if (session && session->waiting_ == Waiting::store)
                                             session->drive();
                                         });
  pace_began_ = last_heard_;
  pace_octets_ = 0;
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
  submission.login = login_;
  submission.quarantine_alone = quarantine_message_;
  if (!alerts_.empty()) submission.violation = alerts_.front();
  const smtp::ClientFacts client = client_facts();
  submission.client = smtp::client_record(client);
  submission.trace = trace_field(client);
  gateway_.accept(
      peer_, std::move(submission), [self = shared_from_this()](AcceptOutcome outcome) mutable {
        auto& context = self->worker_.context();
        boost::asio::post(context, [self = std::move(self), outcome] { self->on_stored(outcome); });
      });
}

// Who the client is, as far as it is known. A relay that tells us of one by XCLIENT tells what that
// said, too; of a client without an address only that.
smtp::ClientFacts Session::client_facts() const {
  smtp::ClientFacts facts = automaton_.client_facts();
  if (facts.address.empty()) {
    facts.name.clear();
    facts.port = port_;
  }
  facts.address = peer_.address;
  if (facts.helo.empty()) facts.helo = automaton_.helo_name();
  facts.login = peer_.auth_user;
  facts.esmtp = facts.esmtp && automaton_.extended();
  return facts;
}

std::string Session::trace_field(const smtp::ClientFacts& client) const {
  const auto& envelope = automaton_.envelope();
  const std::string id = std::to_string(static_cast<std::int64_t>(body_->id()));
  std::string recipient;
  if (envelope.recipients.size() == 1) recipient = envelope.recipients.front().mailbox.to_string();
  TlsFacts tls;
  if (transport_.secured()) tls = transport_.tls_facts();
  notice::TraceFacts facts;
  facts.helo = client.helo;
  facts.peer = client.address;
  facts.hostname = config_->hostname();
  facts.protocol = envelope.smtputf8       ? notice::Protocol::utf8smtp
                   : automaton_.extended() ? notice::Protocol::esmtp
                                           : notice::Protocol::smtp;
  facts.tls_version = tls.version;
  facts.tls_cipher = tls.cipher;
  facts.authenticated = automaton_.authenticated();
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
    case AcceptOutcome::loop:
      automaton_.refuse({554, {5, 4, 6}, "The message goes round in a loop"});
      break;
  }
  if (outcome != AcceptOutcome::stored) drop_body();
  body_.reset();
  end_transaction();
  last_heard_ = std::chrono::steady_clock::now();
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

}  // namespace cordon::proxy
