// Counts what each host does in a minute, against limits. A minute is the host's own: it begins
// with the first thing counted, and the counts go with it. Bounded: of more hosts than fit, those
// whose minute began first are forgotten. Not thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

namespace cordon::proxy {

// What is limited a host. `sessions` and `errors` count excesses only: how many there are at once
// is the Doorkeeper's to know, and how many errors a session has made the session's.
enum class Limited : std::uint8_t {
  sessions,
  errors,
  host_errors,  // of all its sessions
  connections,
  messages,
  recipients,
  auth_failures,
};
inline constexpr std::size_t limited_kinds = 7;
std::string_view name_of(Limited what);  // as the setting is called

// What counts as one host: an IPv4 address, or the /64 that an IPv6 address is in, since a host has
// as many addresses there as it likes. `address` without brackets; other text stands for itself.
std::string host_of(std::string_view address);

class HostRates {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds span{60};  // of one minute

  explicit HostRates(std::size_t most = 65'536) : most_hosts_(most) {}

  struct Verdict {
    bool within = true;
    bool tell = false;  // the first excess of its kind in this minute: operators want to know
  };
  // Counts one more, or so many; `limit` 0 allows any number, and counts nothing.
  Verdict count(const std::string& host, Limited what, std::uint32_t limit, Time now,
                std::uint32_t times = 1);
  // The same without counting: whether one more would be within.
  Verdict look(const std::string& host, Limited what, std::uint32_t limit, Time now);
  std::size_t hosts() const { return by_host_.size(); }

 private:
  struct Minute {
    Time began;
    std::array<std::uint32_t, limited_kinds> counts{};
    std::uint8_t told = 0;  // bits by Limited
  };
  Minute& minute_of(const std::string& host, Time now);
  void forget_first();
  static Verdict judge(Minute& minute, Limited what, bool within);

  std::size_t most_hosts_;
  std::unordered_map<std::string, Minute> by_host_;
  std::deque<std::string> in_order_;  // of the beginning of their minutes; each host once
};

}  // namespace cordon::proxy
