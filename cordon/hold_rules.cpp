#include "cordon/hold_rules.h"

#include <algorithm>

namespace cordon {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool sender_matches(const std::string& wanted, const smtp::ReversePath& sender) {
  if (wanted.empty()) return true;
  if (sender.null) return false;
  const auto at = wanted.rfind('@');
  if (at == std::string::npos) return false;
  const std::string_view whole = wanted;
  return same_domain(whole.substr(at + 1), sender.mailbox.domain) &&
         (at == 0 || whole.substr(0, at) == sender.mailbox.local);
}

bool matches(const HoldRule& rule, const smtp::Envelope& envelope, std::string_view address) {
  if (!sender_matches(rule.sender, envelope.sender)) return false;
  if (!rule.recipient_domain.empty() &&
      !std::all_of(envelope.recipients.begin(), envelope.recipients.end(), [&](const auto& to) {
        return same_domain(rule.recipient_domain, to.mailbox.domain);
      }))
    return false;
  return !rule.from_network || rule.from_network(address);
}

}  // namespace

bool same_domain(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

Holding holding_for(const std::vector<HoldRule>& rules, std::chrono::milliseconds default_period,
                    const smtp::Envelope& envelope, std::string_view address) {
  for (const HoldRule& rule : rules) {
    if (!matches(rule, envelope, address)) continue;
    if (rule.bypass) return {std::chrono::milliseconds(0), &rule};
    return {rule.period.value_or(default_period), nullptr};
  }
  return {default_period, nullptr};
}

}  // namespace cordon
