// The end of a simulation: what the store says became of everything, held against what happened.
#include <algorithm>

#include "simulated_ledger.h"

namespace cordon::simulated {

using store::MessageId;
using store::MessageKind;
using store::MessageState;
using store::RecipientState;

namespace {

template <typename Id>
std::string text_of(Id id) {
  return std::to_string(static_cast<std::int64_t>(id));
}

bool is_settled(MessageState state) { return state > MessageState::uncertain; }
bool has_bait(const std::string& mailbox) { return mailbox.starts_with("bait"); }

}  // namespace

std::vector<std::string> Ledger::breaches(store::Reader& reader) {
  check_acknowledged(reader);
  for (const auto& view : reader.messages({.limit = UINT32_MAX})) check_message(view);
  for (const auto& [_, cordon] : cordons_)
    if (cordon.durable && cordon.kind == store::CordonKind::enforced)
      check_warnings(reader, cordon);
  check_reports(reader);
  return breaches_;
}

void Ledger::check_acknowledged(store::Reader& reader) {
  for (const auto& [id, sent] : sent_) {
    const bool there = reader.message(id).has_value();
    if (sent.acknowledged && !there) breach(text_of(id) + " was acknowledged and is lost");
    if (sent.turned_away && there) breach(text_of(id) + " was turned away and is stored");
    if (there != stored_.contains(id)) breach(text_of(id) + ": the store forgot, or invented");
  }
}

void Ledger::check_message(const store::MessageView& view) {
  if (!stored_.contains(view.message.id))
    return breach(text_of(view.message.id) + " is stored, and nobody asked for it");
  for (const store::RecipientStatus& status : view.recipients) check_recipient(view, status);
  if (!is_settled(view.message.state)) check_waiting(view);
  const bool deleted = view.message.state == MessageState::deleted;
  if (deleted != stored_.at(view.message.id).deleted)
    breach(text_of(view.message.id) + (deleted ? " is deleted" : " is not deleted"));
}

void Ledger::check_recipient(const store::MessageView& view, const store::RecipientStatus& status) {
  const MessageId id = view.message.id;
  const std::string mailbox = view.message.envelope.recipients[status.index].mailbox.to_string();
  const std::string whose = text_of(id) + " to " + mailbox;
  const unsigned count = times(id, mailbox);
  if (has_bait(mailbox) && count > 0) breach(whose + " was sent to a bait");
  if (count > most_arrivals(id)) breach(whose + " arrived " + std::to_string(count) + "x");
  if (view.message.kind == MessageKind::mail) {
    const auto notify = view.message.envelope.recipients[status.index].notify;
    const bool of_failure = notify == 0 || (notify & smtp::notify::failure) != 0;
    const bool of_success = (notify & smtp::notify::success) != 0;
    check_report(view, mailbox, "failed", of_failure && status.state == RecipientState::failed);
    check_report(view, mailbox, "delayed", status.delay_told);
    check_report(view, mailbox, "relayed", of_success && status.state == RecipientState::delivered);
  }
  switch (status.state) {
    case RecipientState::delivered:
      if (count == 0) breach(whose + " is recorded as delivered and never arrived");
      break;
    case RecipientState::failed:
      if (!mailbox.starts_with("refused")) breach(whose + " failed: " + status.last_reply);
      if (count > 0) breach(whose + " arrived, and is recorded as failed");
      break;
    case RecipientState::suppressed:
      if (!has_bait(mailbox)) breach(whose + " was suppressed");
      break;
    case RecipientState::pending:
      if (count > 0 && !doubtful_.contains(id)) breach(whose + " arrived, and nobody knows");
      break;
  }
}

// Reports to the sender that arrived.
std::size_t Ledger::reports(const store::MessageView& view, const std::string& recipient,
                            const std::string& action) const {
  const std::string sender = view.message.envelope.sender.mailbox.to_string();
  const std::string subject = "Subject: " + view.message.subject + "\r\n";
  const std::string fate = "\r\nFinal-Recipient: rfc822; " + recipient + "\r\nAction: " + action;
  return static_cast<std::size_t>(
      std::count_if(stored_.begin(), stored_.end(), [&](const auto& item) {
        const auto& [id, stored] = item;
        return stored.message.kind == MessageKind::bounce && times(id, sender) > 0 &&
               stored.content.find(fate) != std::string::npos &&
               stored.content.find(subject) != std::string::npos;
      }));
}

// What a sender is to be told of a recipient he is told once, and nothing else.
void Ledger::check_report(const store::MessageView& view, const std::string& recipient,
                          const std::string& action, bool expected) {
  const std::size_t count = reports(view, recipient, action);
  if (count != (expected ? 1 : 0))
    breach(text_of(view.message.id) + ": " + std::to_string(count) + " reports that " + recipient +
           " " + action);
}

// At rest only that waits which policy holds back.
void Ledger::check_waiting(const store::MessageView& view) {
  const MessageId id = view.message.id;
  const auto sent = sent_.find(id);
  const bool alone =
      sent != sent_.end() && sent->second.automatic && stored_.at(id).released == never;
  const bool held = caught(id) || alone;
  if (view.quarantined != held)
    breach(text_of(id) + (held ? " should be in quarantine" : " is in quarantine, and should not"));
  if (!held && !stored_.at(id).frozen) breach(text_of(id) + " still waits, and nothing holds it");
  if (view.message.state == MessageState::claimed) breach(text_of(id) + " is claimed by nobody");
  // What may have arrived stays on record as that.
  if (!held) return;
  for (const store::RecipientStatus& status : view.recipients) {
    const std::string mailbox = view.message.envelope.recipients[status.index].mailbox.to_string();
    if (times(id, mailbox) > 0 && status.state == RecipientState::pending &&
        view.message.state != MessageState::uncertain)
      breach(text_of(id) + " may have reached " + mailbox + ", and is not marked uncertain");
  }
}

// ---- warnings

void Ledger::check_warnings(store::Reader& reader, const Cordoning& cordon) {
  std::set<std::string> must;
  std::set<std::string> may;
  for (const auto& [key, count] : delivered_) {
    const Stored& stored = stored_.at(key.first);
    if (stored.message.kind != MessageKind::mail || stored.message.origin != cordon.origin)
      continue;
    may.insert(key.second);
    // What left later left by an operator's word, or after the cordon.
    if (stored.released == never && sent_.at(key.first).at < cordon.ended) must.insert(key.second);
  }
  for (const MessageId id : doubtful_)
    if (const auto stored = stored_.find(id); stored != stored_.end())
      for (const auto& recipient : stored->second.message.envelope.recipients)
        may.insert(recipient.mailbox.to_string());
  std::set<std::string> warned;
  for (const store::Warning& warning : reader.warnings(cordon.alert, UINT32_MAX)) {
    if (has_bait(warning.recipient)) breach("a warning is written to a bait");
    const std::string whose = "warning to " + warning.recipient;
    if (!warned.insert(warning.recipient).second) breach(whose + " was written twice");
    if (cordon.withdrawn) breach(whose + ", and the cordon was a mistake");
    if (!may.contains(warning.recipient)) breach(whose + ", who got nothing");
    check_notice(warning, cordon.origin);
  }
  if (cordon.withdrawn) return;
  for (const std::string& recipient : must)
    if (!warned.contains(recipient)) breach("no warning to " + recipient);
}

void Ledger::check_notice(const store::Warning& warning, store::OriginId origin) {
  const std::string whose = "warning to " + warning.recipient;
  const bool arrived = std::any_of(delivered_.begin(), delivered_.end(), [&](const auto& item) {
    return item.first.second == warning.recipient &&
           stored_.at(item.first.first).message.origin == origin;
  });
  if (warning.certain && !arrived) breach(whose + " says what is not so");
  if (!warning.recipient.ends_with("@in.example")) {
    if (warning.state != store::WarningState::awaiting_approval)
      breach(whose + ", a stranger, without asking");
    return;
  }
  if (warning.state != store::WarningState::queued) return breach(whose + " is not queued");
  const auto notice = stored_.find(warning.notice);
  if (notice == stored_.end()) return breach(whose + " has no notice");
  if (times(warning.notice, warning.recipient) == 0) breach(whose + " never arrived");
  const bool doubts = notice->second.content.find("may have reached") != std::string::npos;
  if (doubts == warning.certain) breach(whose + " claims the wrong certainty");
}

// ---- alerts

void Ledger::check_reports(store::Reader& reader) {
  for (const store::Alert& alert : reader.untold_alerts())
    breach("alert " + text_of(alert.id) + " is not told");
  for (const store::AlertId alert : alerts_) {
    if (!reader.alert(alert)) breach("alert " + text_of(alert) + " is lost");
    const std::string field = "X-Cordon-Alert: " + text_of(alert) + "\r\n";
    const bool told = std::any_of(stored_.begin(), stored_.end(), [&](const auto& item) {
      return item.second.message.kind == MessageKind::report &&
             item.second.content.find(field) != std::string::npos &&
             times(item.first, "ops@in.example") > 0;
    });
    if (!told) breach("no report of alert " + text_of(alert) + " arrived");
  }
}

}  // namespace cordon::simulated
