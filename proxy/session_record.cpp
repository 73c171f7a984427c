#include "proxy/session_record.h"

#include <utility>

namespace cordon::proxy {

namespace {

// An address as a record may show it: a bait has only its id there.
std::string shown(const std::optional<baits::BaitId>& bait, const smtp::Mailbox& mailbox) {
  if (!bait) return '<' + mailbox.to_string() + '>';
  return "<[bait " + std::to_string(static_cast<std::int64_t>(*bait)) + "]>";
}

}  // namespace

void SessionRecord::begin() {
  if (const auto cordon = gateway_.recorded_under(peer_)) start(*cordon, {});
}

void SessionRecord::follow_cordon() {
  const auto now = cordon_now();
  if (now == cordon_) return;
  if (cordon_) end();
  if (now) start(*now, sender_line());
}

std::optional<store::CordonId> SessionRecord::cordon_now() {
  if (const auto own = gateway_.recorded_under(peer_)) return own;
  if (!cordon_) return std::nullopt;
  // Under a review of all only those sessions are recorded that met a bait.
  const auto of_all = gateway_.with_policy(
      [](Policy& policy) { return policy.recovery.standing(store::everything); });
  return of_all && of_all->id == *cordon_ ? cordon_ : std::nullopt;
}

void SessionRecord::bait_used(baits::BaitId bait, bool as_sender, const smtp::Mailbox& mailbox,
                              std::optional<store::CordonId> cordon) {
  std::string masked = (as_sender ? "MAIL FROM:" : "RCPT TO:") + shown(bait, mailbox);
  // The automaton showed the command just now, with the address in it.
  if (cordon_) lines_.back().text = masked;
  if (cordon && cordon != cordon_) start(*cordon, std::move(masked));
}

// What the command carried is not in the record anyhow.
void SessionRecord::bait_in_login(baits::BaitId bait, std::optional<store::CordonId> cordon) {
  std::string told = "[logs in as bait " + std::to_string(static_cast<std::int64_t>(bait)) + "]";
  if (cordon_) add_line(true, told);
  if (cordon && cordon != cordon_) start(*cordon, std::move(told));
}

// With what is known of the past; `at_hand` is the command that is being performed, if one is.
void SessionRecord::start(store::CordonId cordon, std::string at_hand) {
  cordon_ = cordon;
  automaton_.set_recorder([this](smtp::Speaker speaker, std::string_view line) {
    add_line(speaker == smtp::Speaker::client, std::string(line));
  });
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
void SessionRecord::end() {
  lines_.pop_back();
  add_line(false, "[the cordon stands no longer]");
  flush();
  automaton_.set_recorder({});
  cordon_.reset();
}

std::string SessionRecord::sender_line() const {
  const auto& sender = automaton_.envelope().sender;
  if (sender.null) return "MAIL FROM:<>";
  const auto found = gateway_.matcher()->match(sender.mailbox);
  return "MAIL FROM:" + shown(found ? std::optional(found->id) : std::nullopt, sender.mailbox);
}

std::string SessionRecord::recipient_line(const smtp::Mailbox& mailbox) const {
  const auto found = gateway_.matcher()->match(mailbox);
  return "RCPT TO:" + shown(found ? std::optional(found->id) : std::nullopt, mailbox);
}

void SessionRecord::add_line(bool from_client, std::string text) {
  lines_.push_back({.cordon = *cordon_,
                    .session = peer_.session,
                    .at = wall_now(),
                    .from_client = from_client,
                    .text = std::move(text)});
}

void SessionRecord::flush() {
  for (auto& line : lines_) gateway_.record(std::move(line));
  lines_.clear();
}

}  // namespace cordon::proxy
