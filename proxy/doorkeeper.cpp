#include "proxy/doorkeeper.h"

#include <utility>

#include "proxy/log.h"

namespace cordon::proxy {

namespace {

using Clock = std::chrono::steady_clock;

const std::string unnamed;  // those of whom we do not know the host yet

}  // namespace

Doorkeeper::Place::Place(Place&& other) noexcept
    : door_(std::exchange(other.door_, nullptr)), host_(other.host_) {}

Doorkeeper::Place& Doorkeeper::Place::operator=(Place&& other) noexcept {
  if (this == &other) return *this;
  leave();
  door_ = std::exchange(other.door_, nullptr);
  host_ = other.host_;
  return *this;
}

void Doorkeeper::Place::leave() {
  if (door_ != nullptr) std::exchange(door_, nullptr)->leave(*host_);
}

Doorkeeper::Verdict Doorkeeper::Place::move_to(const std::string& address,
                                               const Settings::Limits& limits) {
  if (door_ == nullptr || host_of(address) == host_->first) return Verdict::welcome;
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
  return take(host_of(address), limits, place);
}

Doorkeeper::Verdict Doorkeeper::enter_unnamed(const Settings::Limits& limits, Place& place) {
  return take(unnamed, limits, place);
}

Doorkeeper::Verdict Doorkeeper::take(const std::string& host, const Settings::Limits& limits,
                                     Place& place) {
  const bool named = host != unnamed;
  HostRates::Verdict rate;
  HostRates::Verdict crowd;
  HostRates::Verdict errors;
  Place taken;  // one that `place` was before is left without the lock
  {
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    if (named)
      rate = rates_.count(host, Limited::connections, limits.max_connections_per_minute, now);
    if (named) errors = rates_.look(host, Limited::host_errors, limits.max_errors_per_minute, now);
    const bool calm = rate.within && errors.within;
    if (calm && all_ >= limits.max_sessions) return Verdict::full;
    const auto known = calm ? by_host_.try_emplace(host).first : by_host_.end();
    if (known != by_host_.end()) {
      if (named && known->second >= limits.max_sessions_per_host) {
        crowd = excess_of(host, Limited::sessions, now);
      } else {
        ++known->second;
        ++all_;
        taken = Place(*this, *known);
      }
    }
  }
  tell(host, Limited::connections, rate);
  tell(host, Limited::sessions, crowd);
  tell(host, Limited::host_errors, errors);
  if (!rate.within || !errors.within) return Verdict::too_often;
  if (!crowd.within) return Verdict::host_full;
  place = std::move(taken);
  return Verdict::welcome;
}

void Doorkeeper::leave(Hosts::value_type& host) {
  const std::lock_guard lock(mutex_);
  --all_;
  if (--host.second == 0) by_host_.erase(by_host_.find(host.first));
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

void Doorkeeper::count_errors(const std::string& address, std::uint32_t errors,
                              std::uint32_t limit) {
  if (limit == 0 || errors == 0) return;
  const std::lock_guard lock(mutex_);
  rates_.count(host_of(address), Limited::host_errors, limit, Clock::now(), errors);
}

void Doorkeeper::excess(const std::string& address, Limited what) {
  const std::string host = host_of(address);
  HostRates::Verdict verdict;
  {
    const std::lock_guard lock(mutex_);
    verdict = excess_of(host, what, Clock::now());
  }
  tell(host, what, verdict);
}

// Counted as above a limit of one, only to tell it once a minute.
HostRates::Verdict Doorkeeper::excess_of(const std::string& host, Limited what,
                                         HostRates::Time now) {
  rates_.count(host, what, 1, now);
  return rates_.look(host, what, 1, now);
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
