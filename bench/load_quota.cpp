#include "bench/load_quota.h"

#include <limits>

namespace cordon::bench {
namespace {

Clock::time_point deadline_of(const LoadOptions& options, Clock::time_point start) {
  if (options.seconds <= 0) return Clock::time_point::max();
  const std::chrono::duration<double> length(options.warmup + options.seconds);
  return start + std::chrono::duration_cast<Clock::duration>(length);
}

}  // namespace

Quota::Quota(const LoadOptions& options, Clock::time_point start)
    : start_(start),
      deadline_(deadline_of(options, start)),
      messages_(options.messages > 0 ? options.messages
                                     : std::numeric_limits<std::uint64_t>::max()),
      max_errors_(options.max_errors) {}

std::optional<std::uint64_t> Quota::take(Clock::time_point now) {
  if (exhausted(now)) return std::nullopt;
  const std::uint64_t number = taken_.fetch_add(1, std::memory_order_relaxed);
  if (number >= messages_) return std::nullopt;
  return number;
}

bool Quota::exhausted(Clock::time_point now) const {
  return past_deadline(now) || taken_.load(std::memory_order_relaxed) >= messages_;
}

void Quota::add_error() { errors_.fetch_add(1, std::memory_order_relaxed); }

}  // namespace cordon::bench
