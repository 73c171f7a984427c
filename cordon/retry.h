// When a deferred message is tried again: exponential back-off with jitter, until its queue
// lifetime has passed. Pure: time and randomness are handed in.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "store/types.h"

namespace cordon {

struct RetryPlan {
  std::chrono::milliseconds first{60'000};
  std::chrono::milliseconds most{3'600'000};
  double jitter = 0.2;  // share of the delay, either way; 0..1
  std::chrono::milliseconds lifetime{5LL * 24 * 3600 * 1000};
  std::chrono::milliseconds late_after{0};  // then its sender is told; 0: never
};

// However long a destination was away, its mail waits no longer than this for the next look at it.
inline constexpr std::chrono::minutes longest_away{5};

// The delay before the next try, after `attempts` (>= 1) that failed. `random` is uniform in [0,1).
inline std::chrono::milliseconds retry_delay(const RetryPlan& plan, std::uint32_t attempts,
                                             double random) {
  auto delay = plan.first;
  for (std::uint32_t i = 1; i < attempts && delay < plan.most; ++i) delay *= 2;
  delay = std::min(delay, plan.most);
  const double factor = 1.0 + plan.jitter * (2.0 * random - 1.0);
  return std::chrono::milliseconds(
      static_cast<std::int64_t>(static_cast<double>(delay.count()) * factor));
}

// When a message accepted at `accepted` is to be looked at next though it cannot be tried: when its
// sender is to be told that it is late, and at the end of its lifetime. Whatever is left of it then
// has one more look, for what was never tried till its end.
inline store::Uptime next_look(const RetryPlan& plan, store::Uptime accepted, store::Uptime now) {
  const store::Uptime late = accepted + plan.late_after;
  const store::Uptime end = accepted + plan.lifetime;
  if (plan.late_after.count() != 0 && late > now && late < end) return late;
  return end > now ? end : now + longest_away;
}

}  // namespace cordon
