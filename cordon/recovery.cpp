#include "cordon/recovery.h"

#include <algorithm>

namespace cordon {

using store::Alert;
using store::Cordon;
using store::CordonId;
using store::CordonKind;
using store::OriginId;
using store::Response;

namespace {
// How long equal message-level hits are counted into one alert.
constexpr auto same_hit = std::chrono::hours(1);
constexpr std::size_t max_singles = 10'000;
}  // namespace

Recovery::Recovery(Cordoner& cordoner, IdSource ids, SafetyLimits limits)
    : cordoner_(cordoner), ids_(std::move(ids)), limits_(limits) {}

void Recovery::restore(const Cordon& cordon) {
  active_[cordon.origin] = cordon;
  if (cordon.kind == CordonKind::review) cordoner_.review(cordon.origin, true);
}

Cordon Recovery::raise(CordonKind kind, OriginId origin, store::AlertId alert, store::WallTime at,
                       store::Uptime up) {
  Cordon cordon{.id = ids_.cordon(), .kind = kind, .origin = origin, .alert = alert};
  cordon.raised_at = at;
  cordon.raised_up = up;
  switch (kind) {
    case CordonKind::enforced: {
      const auto raised = cordoner_.raise(origin);
      cordon.epoch = raised.epoch;
      cordon.previous_epoch = raised.previous_epoch;
      cordon.quarantined = raised.quarantined;
      raised_.push_back(up);
      break;
    }
    case CordonKind::shadow:
      cordon.quarantined = cordoner_.open(origin);
      break;
    case CordonKind::review:
      cordoner_.review(origin, true);
      break;
  }
  active_[origin] = cordon;
  return cordon;
}

// A shadow or a review gives way to what takes its place.
std::optional<CordonId> Recovery::clear_weaker(OriginId origin) {
  const auto found = active_.find(origin);
  if (found == active_.end() || found->second.kind == CordonKind::enforced) return std::nullopt;
  const CordonId id = found->second.id;
  lift(id, false);
  return id;
}

Circumstances Recovery::circumstances(const Violation& seen, bool automatic) {
  while (!raised_.empty() && seen.up - raised_.front() >= std::chrono::hours(1))
    raised_.pop_front();
  return {.mode = seen.mode,
          .shared_origin = seen.shared_origin,
          .automatic_sender = automatic,
          .score = automatic ? score(seen.origin, seen.bait) : 0,
          .cordons_last_hour = static_cast<std::uint32_t>(raised_.size()),
          .origins_cordoned = enforced(),
          .origins_seen = seen.origins_seen};
}

std::uint32_t Recovery::score(OriginId origin, store::BaitId bait) {
  auto& met = scores_[origin];
  if (met.size() < limits_.score_limit) met.insert(bait);
  return static_cast<std::uint32_t>(met.size());
}

Alert Recovery::make_alert(const Violation& seen, const Verdict& verdict) {
  Alert alert;
  alert.id = ids_.alert();
  alert.at = seen.at;
  alert.origin = seen.origin;
  alert.bait = seen.bait;
  alert.bait_kind = seen.bait_kind;
  alert.place = seen.place;
  alert.response = verdict.response;
  alert.listener = seen.listener;
  alert.session = seen.session;
  alert.reason = verdict.reason;
  return alert;
}

// A hit under a cordon that already stands adds nothing but a count.
std::optional<Recovered> Recovery::repeated(const Violation& seen) {
  const auto active = active_.find(seen.origin);
  if (active != active_.end()) {
    // A shadow does not shield: the same origin may be enforced at another listener.
    const bool weaker = active->second.kind == CordonKind::shadow && seen.mode == Mode::enforce;
    if (!weaker) {
      Alert& standing = standing_alerts_[active->second.alert];
      ++standing.hits;
      Recovered recovered{.alert = standing, .repeat = true};
      recovered.alert.id = active->second.alert;
      recovered.alert.cordon = active->second.id;
      recovered.alert.bait = seen.bait;  // that of this hit, so that it is counted to the right one
      return recovered;
    }
  }
  const auto single = singles_.find({seen.origin, seen.bait});
  if (single != singles_.end() && seen.up - single->second.up < same_hit &&
      (seen.automatic_sender || seen.shared_origin || review_of_all()) &&
      seen.mode == Mode::enforce)
    return Recovered{.alert = single->second.alert, .repeat = true, .quarantine_message = true};
  return std::nullopt;
}

Recovered Recovery::violation(const Violation& seen) {
  if (auto again = repeated(seen)) return *std::move(again);

  const Verdict verdict = judge(circumstances(seen, seen.automatic_sender), limits_);
  Recovered recovered{.alert = make_alert(seen, verdict)};
  Alert& alert = recovered.alert;
  switch (verdict.response) {
    case Response::observed:
      recovered.cordon = raise(CordonKind::shadow, seen.origin, alert.id, seen.at, seen.up);
      break;
    case Response::cordon:
      recovered.replaced = clear_weaker(seen.origin);
      recovered.cordon = raise(CordonKind::enforced, seen.origin, alert.id, seen.at, seen.up);
      break;
    case Response::review:
      recovered.quarantine_message = true;
      if (!verdict.review_all || !review_of_all()) {
        const OriginId whose = verdict.review_all ? store::everything : seen.origin;
        recovered.replaced = clear_weaker(whose);
        recovered.cordon = raise(CordonKind::review, whose, alert.id, seen.at, seen.up);
      }
      break;
    case Response::quarantine_message:
      recovered.quarantine_message = true;
      break;
  }
  if (recovered.cordon) {
    alert.cordon = recovered.cordon->id;
    standing_alerts_[alert.id] = alert;
  } else if (recovered.quarantine_message) {
    if (singles_.size() >= max_singles) singles_.clear();
    singles_[{seen.origin, seen.bait}] = {alert, seen.up};
  }
  return recovered;
}

std::optional<Recovery::Downgraded> Recovery::automatic_reply(const Alert& alert,
                                                              const Violation& seen) {
  const auto active = active_.find(seen.origin);
  if (active == active_.end() || active->second.alert != alert.id ||
      active->second.kind != CordonKind::enforced)
    return std::nullopt;
  // An answering program writes to the one sender it answers. A second hit is no answer.
  const auto standing = standing_alerts_.find(alert.id);
  if (standing == standing_alerts_.end() || standing->second.hits != 1) return std::nullopt;
  const Cordon cordon = active->second;
  if (!lift(cordon.id, true)) return std::nullopt;
  // A withdrawn cordon does not use up the hour's allowance either.
  if (!raised_.empty()) raised_.pop_back();

  const Verdict verdict = judge(circumstances(seen, true), limits_);
  Downgraded downgraded{
      .cordon = cordon.id, .response = verdict.response, .reason = verdict.reason};
  if (verdict.response == Response::review)
    downgraded.review = raise(CordonKind::review, seen.origin, alert.id, seen.at, seen.up);
  return downgraded;
}

Recovered Recovery::cordon(OriginId origin, std::string reason, store::WallTime at,
                           store::Uptime up) {
  Violation by_hand;
  by_hand.origin = origin;
  by_hand.place = store::ViolationPlace::by_operator;
  by_hand.at = at;
  by_hand.up = up;
  const auto active = active_.find(origin);
  if (active != active_.end() && active->second.kind == CordonKind::enforced) {
    if (auto again = repeated(by_hand)) return *std::move(again);
  }
  Recovered recovered{.alert = make_alert(by_hand, {Response::cordon, false, std::move(reason)})};
  recovered.replaced = clear_weaker(origin);
  recovered.cordon = raise(CordonKind::enforced, origin, recovered.alert.id, at, up);
  recovered.alert.cordon = recovered.cordon->id;
  standing_alerts_[recovered.alert.id] = recovered.alert;
  return recovered;
}

bool Recovery::lift(CordonId id, bool withdraw) {
  const auto found = std::find_if(active_.begin(), active_.end(),
                                  [&](const auto& item) { return item.second.id == id; });
  if (found == active_.end()) return false;
  const Cordon cordon = found->second;
  active_.erase(found);
  standing_alerts_.erase(cordon.alert);
  switch (cordon.kind) {
    case CordonKind::enforced:
      if (withdraw)
        cordoner_.withdraw(cordon.origin, cordon.epoch, cordon.previous_epoch);
      else
        cordoner_.lift(cordon.origin);
      break;
    case CordonKind::review:
      cordoner_.review(cordon.origin, false);
      scores_.erase(cordon.origin);
      break;
    case CordonKind::shadow:
      break;
  }
  return true;
}

std::optional<Cordon> Recovery::standing(OriginId origin) const {
  auto found = active_.find(origin);
  if (found == active_.end()) found = active_.find(store::everything);
  if (found == active_.end()) return std::nullopt;
  return found->second;
}

std::size_t Recovery::enforced() const {
  return static_cast<std::size_t>(
      std::count_if(active_.begin(), active_.end(),
                    [](const auto& item) { return item.second.kind == CordonKind::enforced; }));
}

}  // namespace cordon
