#include "bench/load_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace cordon::bench {

std::size_t Histogram::step_of(std::uint64_t nanoseconds) {
  constexpr std::uint64_t linear = 2ull << step_bits;
  if (nanoseconds < linear) return nanoseconds;
  const int octave = static_cast<int>(std::bit_width(nanoseconds)) - (step_bits + 1);
  const std::uint64_t within = (nanoseconds >> octave) - (1ull << step_bits);
  const std::size_t step = (static_cast<std::size_t>(octave + 1) << step_bits) + within;
  return std::min(step, std::tuple_size_v<decltype(steps_)> - 1);
}

std::uint64_t Histogram::middle_of(std::size_t step) {
  constexpr std::uint64_t linear = 2ull << step_bits;
  if (step < linear) return step;
  const std::size_t octave = (step >> step_bits) - 1;
  const std::uint64_t within = step & ((1ull << step_bits) - 1);
  return (((1ull << step_bits) + within) << octave) + (1ull << (octave - 1));
}

void Histogram::add(std::chrono::nanoseconds duration) {
  const auto nanoseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0));
  ++steps_[step_of(nanoseconds)];
  ++count_;
  sum_ += nanoseconds;
  max_ = std::max(max_, nanoseconds);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t step = 0; step < steps_.size(); ++step) steps_[step] += other.steps_[step];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
}

std::chrono::nanoseconds Histogram::quantile(double share) const {
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t step = 0; step < steps_.size(); ++step) {
    seen += steps_[step];
    if (seen >= std::max<std::uint64_t>(wanted, 1)) {
      return std::chrono::nanoseconds(std::min(middle_of(step), max_));
    }
  }
  return std::chrono::nanoseconds(0);
}

std::chrono::nanoseconds Histogram::mean() const {
  return std::chrono::nanoseconds(count_ == 0 ? 0 : sum_ / count_);
}

}  // namespace cordon::bench
