#include "cordon/judge.h"

namespace cordon {

using store::Response;

Verdict judge(const Circumstances& at, const SafetyLimits& limits) {
  if (at.mode == Mode::observe)
    return {Response::observed, false, "the listener or origin is in mode observe"};
  if (at.mode == Mode::hold)
    return {Response::observed, false, "the listener or origin is in mode hold"};

  if (at.automatic_sender) {
    // Whoever forges a bait as the sender of mail to us makes our own servers and users answer to
    // it; that answer proves nothing about them. Many baits in such answers is another matter, but
    // still one for a person.
    if (at.score < limits.score_limit)
      return {Response::quarantine_message, false,
              "a bounce or automatic reply never cordons: its sender may be forged"};
    if (at.shared_origin)
      return {Response::quarantine_message, false,
              "automatic mail from a shared origin met several baits"};
    return {Response::review, false, "automatic mail of one origin met several baits"};
  }
  if (at.shared_origin)
    return {Response::quarantine_message, false, "a shared origin is never cordoned as a whole"};

  if (at.cordons_last_hour >= limits.max_cordons_per_hour)
    return {Response::review, true, "max_cordons_per_hour is reached: all mail waits for a person"};
  const auto share = static_cast<double>(at.origins_cordoned + 1);
  if (at.origins_seen >= limits.cordon_share_floor &&
      share > limits.max_cordon_share * static_cast<double>(at.origins_seen))
    return {Response::review, true, "max_cordon_share is reached: all mail waits for a person"};
  return {Response::cordon, false, "first use of a bait"};
}

}  // namespace cordon
