// Who is warned about what (BESIDES 4.3: "the SSC sends a warning message for their recipients").
// Warnings must not amplify: one digest a recipient and alert, to the site's own people without
// asking, to others only with an operator's yes, under caps. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "store/types.h"

namespace cordon {

struct WarningLimits {
  std::vector<std::string> local_domains;
  std::uint32_t max_per_alert = 1'000;
  std::uint32_t max_per_recipient_day = 3;
};

struct PlannedWarning {
  std::string recipient;
  bool certain = true;  // false: every message to them may have been lost on the way
  store::WarningState state = store::WarningState::pending;
  std::string reason;  // why it awaits approval, or is suppressed
  std::vector<store::RevocationRecord> records;
};

// `records` are grouped by recipient, as Reader::revocations() gives them. `already` warnings of
// the alert went out before; `today` says how many a recipient got in the last 24 h.
std::vector<PlannedWarning> plan_warnings(
    const std::vector<store::RevocationRecord>& records, const WarningLimits& limits,
    std::uint32_t already, const std::function<std::uint32_t(const std::string& recipient)>& today);

// The part behind the last '@', or empty.
std::string_view domain_of(std::string_view mailbox);

// Whether `mailbox` is at one of `domains` (not below it).
bool is_local(std::string_view mailbox, const std::vector<std::string>& domains);

}  // namespace cordon
