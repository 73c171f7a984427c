// What an alert causes (BESIDES 3.2, 4.3 "recover"): cordon, quarantine, warn. Decides and keeps
// the cordons; changes the cordoner at once, and hands back what the carrier must make durable.
// Knows no clock, store or socket. Not thread-safe: used under the cordoner's lock.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "cordon/cordoner.h"
#include "cordon/judge.h"
#include "store/types.h"

namespace cordon {

// One use of a bait, as the session saw it.
struct Violation {
  store::OriginId origin{};
  store::BaitId bait{};
  baits::BaitKind bait_kind = baits::BaitKind::address;
  store::ViolationPlace place = store::ViolationPlace::rcpt_to;
  Mode mode = Mode::enforce;
  bool shared_origin = false;
  bool automatic_sender = false;  // null reverse path
  std::string listener;
  std::string session;
  std::size_t origins_seen = 0;  // in the last 24 h
  store::WallTime at;
  store::Uptime up;
};

// What became of a violation, and what must be stored.
struct Recovered {
  store::Alert alert;  // the new one, or the one that this violation was counted to
  std::optional<store::Cordon> cordon;      // newly raised
  std::optional<store::CordonId> replaced;  // the weaker one that it takes the place of: lift it
  bool repeat = false;                      // only one more hit of a standing alert
  bool quarantine_message = false;          // the message of this transaction goes to quarantine
};

// Where fresh identifiers come from (the store).
struct IdSource {
  std::function<store::AlertId()> alert;
  std::function<store::CordonId()> cordon;
};

class Recovery {
 public:
  Recovery(Cordoner& cordoner, IdSource ids, SafetyLimits limits);
  void set_limits(SafetyLimits limits) { limits_ = limits; }

  // At start, for each cordon that is not lifted, in any order. Of two for one origin (a crash came
  // between the new one and the lifting of the old) the enforced one stands, else the newer.
  // `now`: given for those that a violation raised, so that the last hour's use up its allowance.
  void restore(const store::Cordon& cordon, std::optional<store::Uptime> now = std::nullopt);

  Recovered violation(const Violation& seen);

  // The message whose RCPT or MAIL raised `alert` turned out to be an automatic reply (RFC 3834).
  // If nothing else stands against the origin the cordon is withdrawn, and the message alone is
  // judged again. nullopt: the cordon stands.
  struct Downgraded {
    store::CordonId cordon{};
    store::Response response{};
    std::string reason;
    // If that was one too many, or the cordon had taken the place of a review.
    std::optional<store::Cordon> review;
    // The same bait met an automatic reply of this origin within the hour: operators know of it by
    // this alert. The carrier counts a hit there and need not tell them of the new one.
    std::optional<store::Alert> same_as;
  };
  std::optional<Downgraded> automatic_reply(const store::Alert& alert, const Violation& seen);

  // By an operator: never refused, and not counted against max_cordons_per_hour.
  Recovered cordon(store::OriginId origin, std::string reason, store::WallTime at,
                   store::Uptime up);
  // False if there is no such cordon, or it is lifted.
  bool lift(store::CordonId cordon, bool withdraw);

  // The cordon under which `origin` is served: its own, or a review of all. Shadow ones too.
  std::optional<store::Cordon> standing(store::OriginId origin) const;
  bool review_of_all() const { return active_.contains(store::everything); }
  std::size_t enforced() const { return enforced_; }

 private:
  store::Cordon raise(store::CordonKind kind, store::OriginId origin, store::AlertId alert,
                      store::WallTime at, store::Uptime up);
  void stand(const store::Cordon& cordon);
  void end(const store::Cordon& cordon, bool withdraw);
  std::optional<store::CordonId> clear_weaker(store::OriginId origin);
  std::uint32_t score(store::OriginId origin, store::BaitId bait);
  Circumstances circumstances(const Violation& seen, bool automatic);
  std::optional<Recovered> repeated(const Violation& seen);
  std::optional<store::Alert> told_before(const Violation& seen, const store::Alert& alert);
  void keep_single(const Violation& seen, const store::Alert& alert, bool proves);
  store::Alert make_alert(const Violation& seen, const Verdict& verdict);

  Cordoner& cordoner_;
  IdSource ids_;
  SafetyLimits limits_;
  std::unordered_map<store::OriginId, store::Cordon> active_;  // one an origin
  std::size_t enforced_ = 0;                                   // of them
  struct Standing {
    store::Alert alert;
    bool over_review = false;  // its cordon took the place of a review of the origin
  };
  std::unordered_map<store::AlertId, Standing> standing_;  // of active cordons
  // When violations raised an enforced cordon in the last hour, in order.
  std::deque<store::Uptime> raised_;
  // Distinct baits that automatic mail of an origin met. Bounded by score_limit entries each.
  std::unordered_map<store::OriginId, std::set<store::BaitId>> scores_;
  // Message-level alerts, so that a flood of the same hit makes one alert and not thousands.
  struct Single {
    store::Alert alert;
    store::Uptime up;
    bool proves = false;  // neither automatic mail nor a shared origin
  };
  std::map<std::pair<store::OriginId, store::BaitId>, Single> singles_;
};

}  // namespace cordon
