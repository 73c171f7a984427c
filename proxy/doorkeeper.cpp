#include "proxy/doorkeeper.h"

#include <utility>

#include "proxy/log.h"

namespace cordon::proxy {

namespace {

using Clock = std::chrono::steady_clock;

const std::string unnamed;  // those of whom we do not know the host yet

}  // namespace

Doorkeeper::Place::Place(Place&& other) noexcept
    : door_(std::exchange(other.door_, nullptr)), host_(std::move(other.host_)) {}

Doorkeeper::Place& Doorkeeper::Place::operator=(Place&& other) noexcept {
  if (this == &other) return *this;
  leave();
  door_ = std::exchange(other.door_, nullptr);
  host_ = std::move(other.host_);
  return *this;
}

void Doorkeeper::Place::leave() {
  if (door_ != nullptr) std::exchange(door_, nullptr)->leave(host_);
}

Doorkeeper::Verdict Doorkeeper::Place::move_to(const std::string& address,
                                               const Settings::Limits& limits) {
  if (door_ == nullptr || host_of(address) == host_) return Verdict::welcome;
  // Among all it has its place already: one more for a moment does no harm.
  auto roomy = limits;
  ++roomy.max_sessions;
  Place other;
  const Verdict verdict = door_->enter(address, roomy, other);
  if (verdict == Verdict::welcome) *this = std::move(other);
  return verdict;
}

Doorkeeper::Verdict Doorkeeper::enter(const std::string& address, const Settings::Limits& limits,
                                      Place& place) {
  const std::string host = host_of(address);
  const Verdict verdict = take(host, limits);
  if (verdict == Verdict::welcome) place = Place(*this, host);
  return verdict;
}

Doorkeeper::Verdict Doorkeeper::enter_unnamed(const Settings::Limits& limits, Place& place) {
  const Verdict verdict = take(unnamed, limits);
  if (verdict == Verdict::welcome) place = Place(*this, unnamed);
  return verdict;
}

Doorkeeper::Verdict Doorkeeper::take(const std::string& host, const Settings::Limits& limits) {
  const bool named = host != unnamed;
  HostRates::Verdict rate;
  HostRates::Verdict full_host;
  Verdict verdict = Verdict::welcome;
  {
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    if (named)
      rate = rates_.count(host, Limited::connections, limits.max_connections_per_minute, now);
    if (!rate.within) {
      verdict = Verdict::too_often;
    } else if (all_ >= limits.max_sessions) {
      verdict = Verdict::full;
    } else {
      auto& here = by_host_[host];
      if (named && here >= limits.max_sessions_per_host) {
        verdict = Verdict::host_full;
        // Counted with a limit that the first refusal reaches: only to tell it once a minute.
        rates_.count(host, Limited::sessions, 1, now);
        full_host = rates_.look(host, Limited::sessions, 1, now);
      } else {
        ++here;
        ++all_;
      }
    }
  }
  tell(host, Limited::connections, rate);
  tell(host, Limited::sessions, full_host);
  return verdict;
}

void Doorkeeper::leave(const std::string& host) {
  const std::lock_guard lock(mutex_);
  --all_;
  const auto found = by_host_.find(host);
  if (found != by_host_.end() && --found->second == 0) by_host_.erase(found);
}

bool Doorkeeper::count(const std::string& address, Limited what, std::uint32_t limit) {
  if (limit == 0) return true;
  const std::string host = host_of(address);
  HostRates::Verdict verdict;
  {
    const std::lock_guard lock(mutex_);
    verdict = rates_.count(host, what, limit, Clock::now());
  }
  tell(host, what, verdict);
  return verdict.within;
}

bool Doorkeeper::within(const std::string& address, Limited what, std::uint32_t limit) {
  if (limit == 0) return true;
  const std::string host = host_of(address);
  HostRates::Verdict verdict;
  {
    const std::lock_guard lock(mutex_);
    verdict = rates_.look(host, what, limit, Clock::now());
  }
  tell(host, what, verdict);
  return verdict.within;
}

void Doorkeeper::tell(const std::string& host, Limited what, HostRates::Verdict verdict) {
  if (verdict.tell) log::warn("limit.reached", {{"host", host}, {"limit", name_of(what)}});
}

}  // namespace cordon::proxy
