#include "proxy/host_rates.h"

#include <arpa/inet.h>

namespace cordon::proxy {

std::string_view name_of(Limited what) {
  switch (what) {
    case Limited::sessions:
      return "max_sessions_per_host";
    case Limited::errors:
      return "max_errors";
    case Limited::host_errors:
      return "max_errors_per_minute";
    case Limited::connections:
      return "max_connections_per_minute";
    case Limited::messages:
      return "max_messages_per_minute";
    case Limited::recipients:
      return "max_recipients_per_minute";
    case Limited::auth_failures:
      return "max_auth_failures_per_minute";
  }
  return "";
}

std::string host_of(std::string_view address) {
  std::string text(address);
  in6_addr octets{};
  if (text.find(':') == std::string::npos || inet_pton(AF_INET6, text.c_str(), &octets) != 1)
    return text;
  for (std::size_t i = 8; i < 16; ++i) octets.s6_addr[i] = 0;
  std::array<char, INET6_ADDRSTRLEN> network{};
  inet_ntop(AF_INET6, &octets, network.data(), network.size());
  return std::string(network.data()) + "/64";
}

HostRates::Verdict HostRates::count(const std::string& host, Limited what, std::uint32_t limit,
                                    Time now, std::uint32_t times) {
  if (limit == 0) return {};
  Minute& minute = minute_of(host, now);
  std::uint32_t& count = minute.counts[static_cast<std::size_t>(what)];
  const bool within = count < limit;
  if (within) count += times;
  return judge(minute, what, within);
}

HostRates::Verdict HostRates::look(const std::string& host, Limited what, std::uint32_t limit,
                                   Time now) {
  if (limit == 0) return {};
  const auto found = by_host_.find(host);
  if (found == by_host_.end() || now - found->second.began >= span) return {};
  return judge(found->second, what, found->second.counts[static_cast<std::size_t>(what)] < limit);
}

HostRates::Verdict HostRates::judge(Minute& minute, Limited what, bool within) {
  if (within) return {};
  const auto bit = static_cast<std::uint8_t>(1U << static_cast<unsigned>(what));
  const bool first = (minute.told & bit) == 0;
  minute.told |= bit;
  return {.within = false, .tell = first};
}

// Minutes begin in the order of the queue, so those that are over are at its front.
HostRates::Minute& HostRates::minute_of(const std::string& host, Time now) {
  while (!in_order_.empty() && now - by_host_.at(in_order_.front()).began >= span) forget_first();
  const auto known = by_host_.find(host);
  if (known != by_host_.end()) return known->second;
  if (by_host_.size() >= most_hosts_) forget_first();
  in_order_.push_back(host);
  return by_host_.emplace(host, Minute{.began = now}).first->second;
}

void HostRates::forget_first() {
  by_host_.erase(in_order_.front());
  in_order_.pop_front();
}

}  // namespace cordon::proxy
