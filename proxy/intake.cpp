#include "proxy/intake.h"

#include <filesystem>
#include <utility>
#include <vector>

namespace cordon::proxy {

bool Intake::keep(std::size_t octets, std::uint64_t limit) {
  if (kept_.fetch_add(octets, std::memory_order_relaxed) + octets <= limit) return true;
  release(octets);
  return false;
}

void Intake::release(std::size_t octets) { kept_.fetch_sub(octets, std::memory_order_relaxed); }

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
    if (here.on_the_way == 0) hosts_.erase(found);
  }
  for (const auto& go : free) go();
}

}  // namespace cordon::proxy
