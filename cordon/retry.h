// When a deferred message is tried again: exponential back-off with jitter, until its queue
// lifetime has passed. Pure: time and randomness are handed in.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace cordon {

struct RetryPlan {
  std::chrono::milliseconds first{60'000};
  std::chrono::milliseconds most{3'600'000};
  double jitter = 0.2;  // share of the delay, either way; 0..1
  std::chrono::milliseconds lifetime{5LL * 24 * 3600 * 1000};
};

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

}  // namespace cordon
