// No more than so many a minute, evenly: a token bucket that holds six seconds' worth. Pure: time
// is handed in, and the limit at each call, so that a reload changes it. Not thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>

#include "store/types.h"

namespace cordon {

class Pace {
 public:
  // How many may go now. `per_minute` 0: any number.
  std::uint32_t room(std::uint32_t per_minute, store::Uptime now) {
    if (per_minute == 0) return UINT32_MAX;
    const double most = std::max(1.0, per_minute / 10.0);
    const double passed = std::chrono::duration<double, std::ratio<60>>(now - last_).count();
    level_ = std::min(most, fresh_ ? most : level_ + std::max(0.0, passed) * per_minute);
    fresh_ = false;
    last_ = now;
    return static_cast<std::uint32_t>(level_);
  }
  void took(std::size_t count) { level_ = std::max(0.0, level_ - static_cast<double>(count)); }
  // When one more may go, after room() said that none may.
  store::Uptime next(std::uint32_t per_minute) const {
    const double minutes = (1.0 - level_) / per_minute;
    return last_ + std::chrono::milliseconds(static_cast<std::int64_t>(minutes * 60'000) + 1);
  }

 private:
  double level_ = 0;
  store::Uptime last_{};
  bool fresh_ = true;
};

}  // namespace cordon
