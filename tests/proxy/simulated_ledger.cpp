#include "simulated_ledger.h"

#include <algorithm>

namespace cordon::simulated {

using store::MessageId;

namespace {

template <typename Id>
std::string text_of(Id id) {
  return std::to_string(static_cast<std::int64_t>(id));
}

}  // namespace

void Ledger::note(const std::string& event) {
  ++now_;
  story_.push_back(event);
}

void Ledger::breach(const std::string& what) {
  story_.push_back("BREACH " + what);
  breaches_.push_back(what);
}

std::string Ledger::text() const {
  std::string all;
  for (const std::string& event : story_) all += event + "\n";
  return all;
}

// ---- clients

void Ledger::sent(MessageId id, bool automatic) {
  note("sent " + text_of(id));
  sent_[id] = {.at = now_, .automatic = automatic};
}

void Ledger::acknowledged(MessageId id) {
  note("acknowledged " + text_of(id));
  sent_.at(id).acknowledged = true;
  if (!stored_.contains(id)) breach(text_of(id) + " was acknowledged before it was durable");
}

void Ledger::turned_away(MessageId id) {
  note("turned away " + text_of(id));
  sent_.at(id).turned_away = true;
}

// ---- the store

void Ledger::applied(const store::Batch& batch, const store::Answer& answer) {
  ++now_;
  for (const store::Command& command : batch) apply(command);
  for (const MessageId id : answer.claimed) {
    note("claimed " + text_of(id));
    stored_.at(id).claimed = true;
  }
}

void Ledger::refused(const store::Batch& batch) {
  note("the disk refuses a batch");
  in_trouble_ = true;
  for (const store::Command& command : batch)
    if (const auto* raise = std::get_if<store::RaiseAlert>(&command))
      unstored_.insert(raise->alert.id);
}

void Ledger::overtaken(const std::string& batch) {
  breach(batch + " might come before what it follows");
}

void Ledger::contradicted(const std::string& batch, const std::string& why) {
  note("contradicts what is stored: " + batch + ": " + why);
  if (!in_trouble_) breach(batch + " contradicts what is stored: " + why);
}

void Ledger::apply(const store::Command& command) {
  if (const auto* piece = std::get_if<store::AppendBody>(&command))
    pieces_[piece->message] += piece->bytes;
  if (const auto* accept = std::get_if<store::Accept>(&command)) apply_accept(*accept);
  if (const auto* attempt = std::get_if<store::RecordAttempt>(&command)) {
    note((attempt->claim_stands ? "some results of " : "result of ") + text_of(attempt->message));
    Stored& stored = stored_.at(attempt->message);
    stored.claimed = attempt->claim_stands;
    for (const auto& result : attempt->results)
      if (result.state == store::RecipientState::delivered)
        recorded_.emplace(attempt->message,
                          stored.message.envelope.recipients.at(result.index).mailbox.to_string());
  }
  if (const auto* unclaim = std::get_if<store::Unclaim>(&command))
    stored_.at(unclaim->message).claimed = false;
  if (const auto* uncertain = std::get_if<store::MarkUncertain>(&command)) {
    note("uncertain " + text_of(uncertain->message));
    if (!uncertain->claim_stands) stored_.at(uncertain->message).claimed = false;
  }
  if (const auto* release = std::get_if<store::Release>(&command)) {
    note("released " + text_of(release->message));
    stored_.at(release->message).released = now_;
    stored_.at(release->message).frozen = false;
  }
  if (const auto* freeze = std::get_if<store::Freeze>(&command))
    stored_.at(freeze->message).frozen = freeze->frozen;
  if (const auto* gone = std::get_if<store::DeleteMessage>(&command))
    stored_.at(gone->message).deleted = true;
  if (const auto* raise = std::get_if<store::RaiseAlert>(&command)) {
    note("alert " + text_of(raise->alert.id) + " is durable");
    alerts_.insert(raise->alert.id);
    unstored_.erase(raise->alert.id);
    if (raise->cordon) raised(*raise->cordon);
  }
  if (const auto* add = std::get_if<store::AddCordon>(&command)) raised(add->cordon);
  if (const auto* lift = std::get_if<store::LiftCordon>(&command)) {
    note("cordon " + text_of(lift->cordon) + " is lifted");
    Cordoning& cordon = cordons_[lift->cordon];
    cordon.lifted = true;
    cordon.withdrawn = lift->withdrawn;
    cordon.ended = std::min(cordon.ended, now_);
  }
}

void Ledger::apply_accept(const store::Accept& accept) {
  const MessageId id = accept.message.id;
  note("stored " + text_of(id));
  if (stored_.contains(id)) breach(text_of(id) + " was stored twice");
  Stored& stored = stored_[id];
  stored.message = accept.message;
  stored.content = accept.message.trace + pieces_[id] + accept.bytes;
  pieces_.erase(id);
  by_content_[stored.content] = id;
}

void Ledger::raised(const store::Cordon& cordon) {
  Cordoning& known = cordons_[cordon.id];
  known.origin = cordon.origin;
  known.alert = cordon.alert;
  known.kind = cordon.kind;
  known.durable = true;
  known.raised = std::min(known.raised, now_);
}

// ---- policy

void Ledger::cordon_stands(store::CordonId cordon, store::OriginId origin, bool leaving) {
  Cordoning& known = cordons_[cordon];
  if (known.in_memory) return;
  note("cordon " + text_of(cordon) + " stands in memory");
  known.origin = origin;
  known.in_memory = true;
  known.ended = never;
  if (known.raised == never) {
    known.raised = now_;
    known.may_pass = leaving;
  }
}

void Ledger::cordon_ended(store::CordonId cordon) {
  Cordoning& known = cordons_.at(cordon);
  if (!known.in_memory) return;
  note("cordon " + text_of(cordon) + " has ended in memory");
  known.in_memory = false;
  known.ended = std::min(known.ended, now_);
}

std::vector<std::pair<store::CordonId, store::OriginId>> Ledger::standing() const {
  std::vector<std::pair<store::CordonId, store::OriginId>> all;
  for (const auto& [id, cordon] : cordons_)
    if (cordon.in_memory) all.emplace_back(id, cordon.origin);
  return all;
}

void Ledger::woken() {
  for (const auto& [id, cordon] : cordons_)
    if (cordon.kind == store::CordonKind::enforced && !cordon.lifted && !cordon.in_memory)
      breach("cordon " + text_of(id) + " is forgotten");
}

void Ledger::crashed(const std::vector<MessageId>& claimed) {
  note("CRASH");
  doubtful_.insert(claimed.begin(), claimed.end());
  for (const MessageId id : claimed)
    if (has_arrived(id)) ++repeats_[id];
  // What was not durable never was. A cordon whose end was not durable stands again.
  std::erase_if(cordons_, [](const auto& item) { return !item.second.durable; });
  for (auto& [id, cordon] : cordons_) {
    cordon.in_memory = false;
    cordon.may_pass = false;
    if (!cordon.lifted) cordon.ended = never;
  }
  unstored_.clear();
  pieces_.clear();
}

void Ledger::never_rests() { breach("the gateway does not come to rest"); }

// ---- the upstream

// Whether `cordon` holds back the message, if it is in force.
bool Ledger::under(const Cordoning& cordon, MessageId id) const {
  const Stored& stored = stored_.at(id);
  if (cordon.kind != store::CordonKind::enforced || stored.message.origin != cordon.origin ||
      stored.released != never)
    return false;
  const auto sent = sent_.find(id);
  if (sent == sent_.end() || sent->second.at >= cordon.ended) return false;
  const bool withdrawn = cordon.withdrawn || (!cordon.lifted && cordon.ended != never);
  return !withdrawn;
}

Ledger::Cordoning* Ledger::blocking(MessageId id) {
  for (auto& [_, cordon] : cordons_)
    if (under(cordon, id)) return &cordon;
  return nullptr;
}

void Ledger::arrived(const std::string& content, const std::vector<std::string>& recipients,
                     bool unanswered) {
  const auto found = by_content_.find(content);
  if (found == by_content_.end()) {
    note("arrived: something");
    return breach("something arrived that nobody sent like that:\n" + content.substr(0, 400));
  }
  const MessageId id = found->second;
  std::string story = "arrived " + text_of(id);
  for (const std::string& recipient : recipients) {
    story += " " + recipient;
    ++delivered_[{id, recipient}];
    if (recorded_.contains({id, recipient}))
      breach(text_of(id) + " arrived at " + recipient + ", though it was on record there");
  }
  note(story);
  if (unanswered) {
    doubtful_.insert(id);
    ++repeats_[id];
  }
  const Stored& stored = stored_.at(id);
  if (!stored.claimed) breach(text_of(id) + " arrived without a durable claim");
  if (!unstored_.empty()) breach(text_of(id) + " arrived while an alert could not be stored");
  if (stored.frozen || stored.deleted) breach(text_of(id) + " arrived against an operator's word");
  const auto sent = sent_.find(id);
  if (sent != sent_.end() && sent->second.automatic && stored.released == never)
    breach(text_of(id) + " is an automatic reply to a bait, and arrived");
  Cordoning* cordon = blocking(id);
  if (cordon == nullptr) return;
  if (!cordon->may_pass) return breach(text_of(id) + " arrived after its origin was cordoned");
  cordon->may_pass = false;  // that one was past its gate
}

// ---- what must have become of it all

bool Ledger::caught(MessageId id) const {
  return std::any_of(cordons_.begin(), cordons_.end(), [&](const auto& item) {
    return item.second.durable && under(item.second, id);
  });
}

unsigned Ledger::times(MessageId id, const std::string& recipient) const {
  const auto found = delivered_.find({id, recipient});
  return found == delivered_.end() ? 0 : found->second;
}

bool Ledger::has_arrived(MessageId id) const {
  const auto first = delivered_.lower_bound({id, {}});
  return first != delivered_.end() && first->first.first == id;
}

unsigned Ledger::most_arrivals(MessageId id) const {
  const auto found = repeats_.find(id);
  return found == repeats_.end() ? 1 : 1 + found->second;
}

}  // namespace cordon::simulated
