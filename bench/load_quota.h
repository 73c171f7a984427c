// How much is still to be sent, and how many faults are still borne. Shared by all threads of a
// run.
#pragma once

#include <atomic>
#include <optional>

#include "bench/load_options.h"
#include "bench/load_tally.h"

namespace cordon::bench {

class Quota {
 public:
  Quota(const LoadOptions& options, Clock::time_point start);

  // The number of the next message to send; nullopt when there is none.
  std::optional<std::uint64_t> take(Clock::time_point now);
  bool exhausted(Clock::time_point now) const;
  bool past_deadline(Clock::time_point now) const { return now >= deadline_; }

  void add_error();
  bool gave_up() const { return errors_.load(std::memory_order_relaxed) > max_errors_; }

  Clock::time_point start() const { return start_; }

 private:
  const Clock::time_point start_;
  const Clock::time_point deadline_;  // no message begins after it
  const std::uint64_t messages_;
  const std::uint64_t max_errors_;
  std::atomic<std::uint64_t> taken_ = 0;
  std::atomic<std::uint64_t> errors_ = 0;
};

}  // namespace cordon::bench
