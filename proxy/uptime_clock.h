// Observed uptime (store/types.h): the time that Cordon has seen pass over all its runs. Counts on
// from what the store last kept, so time spent down does not count; a crash loses at most the
// interval between two saves, which only makes held mail wait a little longer.
#pragma once

#include <algorithm>
#include <chrono>

#include "store/types.h"

namespace cordon::proxy {

class UptimeClock {
 public:
  explicit UptimeClock(store::Uptime kept)
      : kept_(kept), start_(std::chrono::steady_clock::now()) {}

  // Any thread. CLOCK_MONOTONIC underneath: neither clock steps nor suspension move it.
  store::Uptime now() const {
    return kept_ + std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::steady_clock::now() - start_);
  }
  std::chrono::seconds of_this_run() const {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() -
                                                            start_);
  }

 private:
  store::Uptime kept_;
  std::chrono::steady_clock::time_point start_;
};

inline store::WallTime wall_now() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

// The wall clock, but not ahead of the time that has passed since this was made: one that is set
// ahead while we run must not make everything old at once.
class SlowClock {
 public:
  store::WallTime operator()() const {
    const auto passed = std::chrono::steady_clock::now() - start_;
    return std::min(wall_now(),
                    began_ + std::chrono::duration_cast<std::chrono::milliseconds>(passed));
  }

 private:
  store::WallTime began_ = wall_now();
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace cordon::proxy
