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

// Whether a hit proves something about its origin, so that the origin answers for it.
bool proves(const Violation& seen) {
  return seen.mode == Mode::enforce && !seen.automatic_sender && !seen.shared_origin;
}

bool stronger(const Cordon& a, const Cordon& b) {
  const bool a_enforced = a.kind == CordonKind::enforced;
  const bool b_enforced = b.kind == CordonKind::enforced;
  return a_enforced != b_enforced ? a_enforced : a.id > b.id;
}
}  // namespace

Recovery::Recovery(Cordoner& cordoner, IdSource ids, SafetyLimits limits)
    : cordoner_(cordoner), ids_(std::move(ids)), limits_(limits) {}

void Recovery::restore(const Cordon& cordon, std::optional<store::Uptime> now) {
  if (now && cordon.kind == CordonKind::enforced && *now - cordon.raised_up < std::chrono::hours(1))
    raised_.insert(std::upper_bound(raised_.begin(), raised_.end(), cordon.raised_up),
                   cordon.raised_up);
  const auto found = active_.find(cordon.origin);
  if (found != active_.end() && !stronger(cordon, found->second)) return;
  stand(cordon);
  cordoner_.review(cordon.origin, cordon.kind == CordonKind::review);
}

void Recovery::stand(const Cordon& cordon) {
  const auto [active, fresh] = active_.try_emplace(cordon.origin);
  if (!fresh && active->second.kind == CordonKind::enforced) --enforced_;
  active->second = cordon;
  if (cordon.kind == CordonKind::enforced) ++enforced_;
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
      break;
    }
    case CordonKind::shadow:
      cordon.quarantined = cordoner_.open(origin);
      break;
    case CordonKind::review:
      cordoner_.review(origin, true);
      break;
  }
  stand(cordon);
  return cordon;
}

// A shadow or a review gives way to what takes its place.
std::optional<CordonId> Recovery::clear_weaker(OriginId origin) {
  const auto found = active_.find(origin);
  if (found == active_.end() || found->second.kind == CordonKind::enforced) return std::nullopt;
  const Cordon weaker = found->second;
  end(weaker, false);
  return weaker.id;
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
    // A shadow does not shield: the same origin may be enforced at another listener. Nor does a
    // review, which three forged bounces bring about: it warns no one and quarantines nothing.
    const CordonKind kind = active->second.kind;
    const bool weaker = (kind == CordonKind::shadow && seen.mode == Mode::enforce) ||
                        (kind == CordonKind::review && proves(seen));
    if (!weaker) {
      Alert& standing = standing_[active->second.alert].alert;
      ++standing.hits;
      Recovered recovered{.alert = standing, .repeat = true};
      recovered.alert.id = active->second.alert;
      recovered.alert.cordon = active->second.id;
      recovered.alert.bait = seen.bait;  // that of this hit, so that it is counted to the right one
      return recovered;
    }
  }
  const auto single = singles_.find({seen.origin, seen.bait});
  if (seen.mode != Mode::enforce || single == singles_.end() ||
      seen.up - single->second.up >= same_hit)
    return std::nullopt;
  // What proves something is judged anew, unless all is held already and an equal hit was judged.
  if (proves(seen) && !(review_of_all() && single->second.proves)) return std::nullopt;
  return Recovered{.alert = single->second.alert, .repeat = true, .quarantine_message = true};
}

void Recovery::keep_single(const Violation& seen, const Alert& alert, bool proves) {
  if (singles_.size() >= max_singles) singles_.clear();
  singles_[{seen.origin, seen.bait}] = {alert, seen.up, proves};
}

Recovered Recovery::violation(const Violation& seen) {
  if (auto again = repeated(seen)) return *std::move(again);

  const Verdict verdict = judge(circumstances(seen, seen.automatic_sender), limits_);
  Recovered recovered{.alert = make_alert(seen, verdict)};
  Alert& alert = recovered.alert;
  bool over_review = false;
  switch (verdict.response) {
    case Response::observed:
      recovered.cordon = raise(CordonKind::shadow, seen.origin, alert.id, seen.at, seen.up);
      break;
    case Response::cordon: {
      const auto before = active_.find(seen.origin);
      over_review = before != active_.end() && before->second.kind == CordonKind::review;
      recovered.replaced = clear_weaker(seen.origin);
      recovered.cordon = raise(CordonKind::enforced, seen.origin, alert.id, seen.at, seen.up);
      raised_.push_back(seen.up);
      break;
    }
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
    standing_[alert.id] = {alert, over_review};
  } else if (recovered.quarantine_message) {
    keep_single(seen, alert, proves(seen));
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
  const auto standing = standing_.find(alert.id);
  if (standing == standing_.end() || standing->second.alert.hits != 1) return std::nullopt;
  const bool over_review = standing->second.over_review;
  const Cordon cordon = active->second;
  end(cordon, true);
  // A withdrawn cordon does not use up the hour's allowance either.
  const auto own = std::find(raised_.begin(), raised_.end(), cordon.raised_up);
  if (own != raised_.end()) raised_.erase(own);

  Circumstances at = circumstances(seen, true);
  // What an answering program sent does not end the review that a person was asked for.
  if (over_review) at.score = std::max(at.score, limits_.score_limit);
  const Verdict verdict = judge(at, limits_);
  Downgraded downgraded{
      .cordon = cordon.id, .response = verdict.response, .reason = verdict.reason};
  Alert less = alert;
  less.response = verdict.response;
  less.reason = verdict.reason;
  if (verdict.response == Response::review) {
    downgraded.review = raise(CordonKind::review, seen.origin, alert.id, seen.at, seen.up);
    less.cordon = downgraded.review->id;
    standing_[alert.id] = {less};
  }
  less.cordon = {};
  // A review that is new is told, whatever went before it.
  if (verdict.response != Response::review || over_review)
    downgraded.same_as = told_before(seen, less);
  return downgraded;
}

// The alert of an equal hit within the hour; else `alert` becomes that of the next ones. It folds
// the telling only: at RCPT a reply looks like any other hit and cordons until its header is read.
std::optional<Alert> Recovery::told_before(const Violation& seen, const Alert& alert) {
  const auto single = singles_.find({seen.origin, seen.bait});
  if (single != singles_.end() && seen.up - single->second.up < same_hit)
    return single->second.alert;
  keep_single(seen, alert, false);
  return std::nullopt;
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
  standing_[recovered.alert.id] = {recovered.alert};
  return recovered;
}

bool Recovery::lift(CordonId id, bool withdraw) {
  const auto found = std::find_if(active_.begin(), active_.end(),
                                  [&](const auto& item) { return item.second.id == id; });
  if (found == active_.end()) return false;
  end(Cordon(found->second), withdraw);  // a copy: the original goes
  return true;
}

void Recovery::end(const Cordon& cordon, bool withdraw) {
  active_.erase(cordon.origin);
  standing_.erase(cordon.alert);
  if (cordon.kind == CordonKind::enforced) --enforced_;
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
}

std::optional<Cordon> Recovery::standing(OriginId origin) const {
  auto found = active_.find(origin);
  if (found == active_.end()) found = active_.find(store::everything);
  if (found == active_.end()) return std::nullopt;
  return found->second;
}

}  // namespace cordon
