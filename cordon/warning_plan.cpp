#include "cordon/warning_plan.h"

#include <algorithm>

#include "cordon/hold_rules.h"

namespace cordon {

using store::WarningState;

std::string_view domain_of(std::string_view mailbox) {
  const auto at = mailbox.rfind('@');
  return at == std::string_view::npos ? std::string_view() : mailbox.substr(at + 1);
}

bool is_local(std::string_view mailbox, const std::vector<std::string>& domains) {
  const auto domain = domain_of(mailbox);
  return std::any_of(domains.begin(), domains.end(),
                     [&](const std::string& local) { return same_domain(local, domain); });
}

std::vector<PlannedWarning> plan_warnings(
    const std::vector<store::RevocationRecord>& records, const WarningLimits& limits,
    std::uint32_t already, const std::function<std::uint32_t(const std::string&)>& today) {
  std::vector<PlannedWarning> plan;
  for (const auto& record : records) {
    if (plan.empty() || plan.back().recipient != record.recipient)
      plan.push_back({.recipient = record.recipient, .certain = false});
    plan.back().certain = plan.back().certain || record.certain;
    plan.back().records.push_back(record);
  }
  for (PlannedWarning& warning : plan) {
    if (!is_local(warning.recipient, limits.local_domains)) {
      warning.state = WarningState::awaiting_approval;
      warning.reason = "not at one of local_domains";
    } else if (today(warning.recipient) >= limits.max_per_recipient_day) {
      warning.state = WarningState::suppressed;
      warning.reason = "max_warnings_per_recipient_day is reached";
    } else if (already >= limits.max_per_alert) {
      warning.state = WarningState::awaiting_approval;
      warning.reason = "max_warnings_per_alert is reached";
    } else {
      ++already;
    }
  }
  return plan;
}

}  // namespace cordon
