#include "proxy/intake.h"

#include <algorithm>
#include <filesystem>
#include <utility>
#include <vector>

namespace cordon::proxy {

bool Intake::keep(const std::string& host, std::size_t octets, std::uint64_t limit) {
  const std::lock_guard lock(mutex_);
  Host& here = hosts_[host];
  const bool fits = kept_ + octets <= limit && here.kept + octets <= limit / memory_parts;
  if (fits) {
    kept_ += octets;
    here.kept += octets;
  } else if (here.idle()) {
    hosts_.erase(host);
  }
  return fits;
}

void Intake::release(const std::string& host, std::size_t octets) {
  const std::lock_guard lock(mutex_);
  const auto found = hosts_.find(host);
  if (found == hosts_.end()) return;
  kept_ -= octets;
  found->second.kept -= octets;
  if (found->second.idle()) hosts_.erase(found);
}

bool Intake::has_memory(const std::string& host, std::uint64_t limit) {
  const std::lock_guard lock(mutex_);
  const auto found = hosts_.find(host);
  const std::uint64_t here = found == hosts_.end() ? 0 : found->second.kept;
  return kept_ < limit && here < limit / memory_parts;
}

void Intake::measure_disk(const std::string& directory) {
  std::error_code unknown;
  const auto space = std::filesystem::space(directory, unknown);
  disk_free_.store(unknown ? std::numeric_limits<std::uint64_t>::max() : space.available,
                   std::memory_order_relaxed);
}

bool Intake::disk_has_room(std::uint64_t octets, std::uint64_t reserve) const {
  const auto left = disk_free_.load(std::memory_order_relaxed);
  return left >= reserve && left - reserve >= octets;
}

void Intake::spend_disk(std::uint64_t octets) {
  auto left = disk_free_.load(std::memory_order_relaxed);
  while (left != std::numeric_limits<std::uint64_t>::max() &&
         !disk_free_.compare_exchange_weak(left, left - std::min(left, octets),
                                           std::memory_order_relaxed)) {
  }
}

bool Intake::take_turn(const std::string& host, std::size_t octets, std::function<void()> go) {
  const std::lock_guard lock(mutex_);
  Host& here = hosts_[host];
  if (here.waiting.empty() && here.has_room(octets)) {
    here.on_the_way += octets;
    return true;
  }
  here.waiting.push_back({octets, std::move(go)});
  return false;
}

void Intake::end_turn(const std::string& host, std::size_t octets) {
  std::vector<std::function<void()>> free;
  {
    const std::lock_guard lock(mutex_);
    const auto found = hosts_.find(host);
    if (found == hosts_.end()) return;
    Host& here = found->second;
    here.on_the_way -= octets;
    while (!here.waiting.empty() && here.has_room(here.waiting.front().octets)) {
      here.on_the_way += here.waiting.front().octets;
      free.push_back(std::move(here.waiting.front().go));
      here.waiting.pop_front();
    }
    if (here.idle()) hosts_.erase(found);
  }
  for (const auto& go : free) go();
}

void Intake::forget_waiting() {
  std::vector<std::deque<Waiting>> waiting;
  const std::lock_guard lock(mutex_);
  for (auto& [_, host] : hosts_) waiting.push_back(std::exchange(host.waiting, {}));
}

}  // namespace cordon::proxy
