// Durations in a table of fixed size (16 KiB): from a nanosecond to two minutes with an error of at
// most 1 %; longer ones count as two minutes but for the maximum, which is exact, as is the mean.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

namespace cordon::bench {

class Histogram {
 public:
  void add(std::chrono::nanoseconds duration);
  void merge(const Histogram& other);

  std::uint64_t count() const { return count_; }
  // The duration that `share` (0 to 1) of all do not exceed; 0 if there are none.
  std::chrono::nanoseconds quantile(double share) const;
  std::chrono::nanoseconds mean() const;
  std::chrono::nanoseconds max() const { return std::chrono::nanoseconds(max_); }

 private:
  // Every octave is cut into 64 equal steps; below 128 ns a step is a nanosecond.
  static constexpr int step_bits = 6;
  static constexpr int octaves = 32;

  static std::size_t step_of(std::uint64_t nanoseconds);
  static std::uint64_t middle_of(std::size_t step);

  std::array<std::uint64_t, (octaves << step_bits)> steps_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace cordon::bench
