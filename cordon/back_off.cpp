#include "cordon/back_off.h"

#include <utility>

namespace cordon {

using store::Uptime;

std::optional<BackOff::Closed> BackOff::closed(const std::string& destination, Uptime now) const {
  const auto found = known_.find(destination);
  if (found == known_.end() || found->second.closed.until <= now) return std::nullopt;
  return found->second.closed;
}

void BackOff::failed(const std::string& destination, Uptime now, const RetryPlan& plan,
                     double random, std::string why) {
  Failing& failing = known_[destination];
  if (failing.closed.until > now) return;
  ++failing.failures;
  failing.closed = {now + retry_delay(plan, failing.failures, random), std::move(why)};
}

void BackOff::reached(const std::string& destination) { known_.erase(destination); }

void BackOff::forget(Uptime before) {
  std::erase_if(known_, [&](const auto& one) { return one.second.closed.until < before; });
}

}  // namespace cordon
