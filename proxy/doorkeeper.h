// Who may come in, and how often: sessions at once, in all and for each host, and what a host does
// in a minute (HostRates). What a host is, host_of() says. An excess is logged once a minute a host
// (limit.reached), so that operators hear of it and the log is not flooded. Any thread.
#pragma once

#include <mutex>
#include <string>
#include <unordered_map>

#include "proxy/host_rates.h"
#include "proxy/settings.h"

namespace cordon::proxy {

class Doorkeeper {
  using Hosts = std::unordered_map<std::string, std::uint32_t>;

 public:
  enum class Verdict : std::uint8_t { welcome, full, host_full, too_often };

  // A place among the sessions; free again when it goes. Small: each session has one.
  class Place {
   public:
    Place() = default;  // none
    Place(Place&& other) noexcept;
    Place& operator=(Place&& other) noexcept;
    ~Place() { leave(); }
    // The session turns out to be another host's, since a trusted peer says so: takes a place of
    // that one. If it may not have one, the place stays what it was.
    Verdict move_to(const std::string& address, const Settings::Limits& limits);

   private:
    friend class Doorkeeper;
    Place(Doorkeeper& door, Hosts::value_type& host) : door_(&door), host_(&host) {}
    void leave();
    Doorkeeper* door_ = nullptr;
    Hosts::value_type* host_ = nullptr;  // stays where it is as long as it counts us
  };

  // A session from `address`; `place` is had if it is welcome. A peer that will tell who its client
  // is (`unnamed`) counts among all only, until move_to().
  Verdict enter(const std::string& address, const Settings::Limits& limits, Place& place);
  Verdict enter_unnamed(const Settings::Limits& limits, Place& place);

  // One more of what the host at `address` does. False: above `limit` a minute; 0 is no limit.
  bool count(const std::string& address, Limited what, std::uint32_t limit);
  // The host at `address` went above a limit that is not one of a minute; for the log.
  void excess(const std::string& address, Limited what);
  // Commands that a session of it had refused; above `limit` a minute it may begin no other.
  void count_errors(const std::string& address, std::uint32_t errors, std::uint32_t limit);
  // Whether one more would be within it.
  bool within(const std::string& address, Limited what, std::uint32_t limit);

 private:
  Verdict take(const std::string& host, const Settings::Limits& limits, Place& place);
  void leave(Hosts::value_type& host);
  HostRates::Verdict excess_of(const std::string& host, Limited what, HostRates::Time now);
  static void tell(const std::string& host, Limited what, HostRates::Verdict verdict);

  std::mutex mutex_;
  std::size_t all_ = 0;
  Hosts by_host_;
  HostRates rates_;
};

}  // namespace cordon::proxy
