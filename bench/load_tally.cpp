#include "bench/load_tally.h"

#include <algorithm>

namespace cordon::bench {

Counts& Counts::operator+=(const Counts& other) {
  accepted += other.accepted;
  refused += other.refused;
  lost += other.lost;
  errors += other.errors;
  return *this;
}

void Tally::merge(const Tally& other) {
  all += other.all;
  measured += other.measured;
  for (std::size_t i = 0; i < phases.size(); ++i) phases[i].merge(other.phases[i]);
  late.merge(other.late);
  cpu_seconds += other.cpu_seconds;
  begin = std::min(begin, other.begin);
  end = std::max(end, other.end);
}

}  // namespace cordon::bench
