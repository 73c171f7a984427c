// The listing of revocation records: paged by recipient, as the store keeps them (BESIDES 4.3).
#include <algorithm>

#include "proxy/control_query.h"
#include "proxy/control_rows.h"

namespace cordon::proxy {
namespace {

constexpr std::uint32_t page = 200;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  return out;
}

// The mailbox with its domain in lower case, by which the store orders recipients.
std::string normal_form(std::string_view mailbox) {
  const std::size_t at = mailbox.rfind('@');
  if (at == std::string_view::npos) return std::string(mailbox);
  return std::string(mailbox.substr(0, at)) + lower(mailbox.substr(at));
}

// Whether `mailbox` is `pattern`, or is at it if the pattern is @domain. Nobody's two mailboxes
// differ by case alone, so it does not count.
bool selects(const std::string& pattern, const std::string& mailbox) {
  if (pattern.empty()) return true;
  const std::string whole = lower(mailbox);
  return pattern.starts_with('@') ? whole.ends_with(lower(pattern)) : whole == lower(pattern);
}

}  // namespace

Refusal ControlQuery::list_revocations() {
  std::optional<store::OriginId> chosen;
  if (auto refusal = origin_filter(chosen)) return refusal;
  std::vector<store::OriginId> origins;
  if (chosen) {
    origins.push_back(*chosen);
  } else {
    reader_.origins([&](const store::Origin& origin) { origins.push_back(origin.id); });
  }
  std::uint64_t left = limit(UINT64_MAX);
  for (const store::OriginId origin : origins) {
    if (!send_revocations(origin, left)) break;
  }
  return std::nullopt;
}

bool ControlQuery::send_revocations(store::OriginId origin, std::uint64_t& left) {
  store::WallTime since{};
  if (args_.younger_than) since = now_ - std::chrono::seconds(*args_.younger_than);
  std::optional<store::WallTime> before;
  if (args_.older_than) before = now_ - std::chrono::seconds(*args_.older_than);

  std::string after;
  for (;;) {
    const auto records = reader_.revocations(origin, since, after, page);
    if (records.empty()) return true;
    for (const store::RevocationRecord& record : records) {
      if (before && record.accepted_at > *before) continue;
      if (!selects(args_.sender, record.sender) || !selects(args_.recipient, record.recipient)) {
        continue;
      }
      if (left == 0 || !send(row_of(record, label(origin), mask_))) return false;
      --left;
    }
    const std::string last = normal_form(records.back().recipient);
    if (last <= after) return true;  // no further: the store orders otherwise than we think
    after = last;
  }
}

}  // namespace cordon::proxy
