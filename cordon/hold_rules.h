// How long a message is held: the first rule that matches, else the default period
// (conf/cordond.toml, [[rule]]). Pure: no clock, no state.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/envelope.h"

namespace cordon {

struct HoldRule {
  std::string name;
  std::string sender;            // address, or "@domain"; empty: any
  std::string recipient_domain;  // must be that of every recipient; empty: any
  std::function<bool(std::string_view address)> from_network;  // empty: any peer
  std::optional<std::chrono::milliseconds> period;             // unset: the default
  bool bypass = false;
};

struct Holding {
  std::chrono::milliseconds period{0};
  const HoldRule* bypass = nullptr;  // set: not held, and the use goes into the audit trail
};

// `address` is the peer's, as text. Domains compare without case.
Holding holding_for(const std::vector<HoldRule>& rules, std::chrono::milliseconds default_period,
                    const smtp::Envelope& envelope, std::string_view address);

// ASCII case-insensitive; what domains are compared by.
bool same_domain(std::string_view a, std::string_view b);

}  // namespace cordon
