#include "baits/vetting.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_set>

#include "baits/normal_form.h"
#include "baits/public_suffix.h"

namespace cordon::baits {
namespace {

// RFC 2142 sections 3 to 5, RFC 5321 4.5.1, and names that nearly every site or program has.
// Sorted.
constexpr std::array<std::string_view, 44> role_names = {
    "abuse",         "accounting",   "admin",      "administrator",
    "billing",       "bounce",       "bounces",    "contact",
    "daemon",        "do-not-reply", "donotreply", "ftp",
    "hello",         "help",         "hostmaster", "hr",
    "info",          "jobs",         "list",       "mail",
    "mailer-daemon", "marketing",    "me",         "news",
    "newsletter",    "no-reply",     "nobody",     "noc",
    "noreply",       "office",       "postmaster", "press",
    "root",          "sales",        "security",   "service",
    "support",       "team",         "test",       "usenet",
    "user",          "uucp",         "webmaster",  "www"};
static_assert(std::is_sorted(role_names.begin(), role_names.end()));

bool is_role_name(std::string_view local) {
  return std::binary_search(role_names.begin(), role_names.end(), local);
}

constexpr bool is_label_octet(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

// A domain name in normal form (RFC 1035 2.3.1; "_" occurs in practice). An address literal is
// none: it has many spellings, and no address book holds one.
bool is_name(std::string_view domain) {
  if (domain.empty() || domain.size() > 253) return false;
  while (true) {
    const std::size_t end = std::min(domain.find('.'), domain.size());
    const std::string_view label = domain.substr(0, end);
    if (label.empty() || label.size() > 63) return false;
    if (label.starts_with('-') || label.ends_with('-')) return false;
    if (!std::all_of(label.begin(), label.end(), is_label_octet)) return false;
    if (end == domain.size()) return true;
    domain.remove_prefix(end + 1);
  }
}

// Case above ASCII is not folded (normal_form.h), so such a bait could be hidden by its spelling.
bool is_foldable(std::string_view local) {
  return std::all_of(local.begin(), local.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

struct Parts {
  std::string_view domain;
  std::string_view local;
};

Parts parts_of(std::string_view key) {
  const std::size_t at = key.find('@');
  if (at == std::string_view::npos) return {key, {}};
  return {key.substr(0, at), key.substr(at + 1)};
}

bool well_formed(std::string_view key, BaitKind kind) {
  const Parts parts = parts_of(key);
  if (kind != BaitKind::local_part && !is_name(parts.domain)) return false;
  return is_foldable(parts.local);
}

bool is_or_contains(std::string_view domain, std::string_view local_domain) {
  if (!local_domain.ends_with(domain)) return false;
  const std::size_t above = local_domain.size() - domain.size();
  return above == 0 || local_domain[above - 1] == '.';
}

bool is_own_domain(std::string_view domain, const std::vector<std::string>& local_domains) {
  return std::any_of(local_domains.begin(), local_domains.end(), [&](const std::string& own) {
    const auto normal = normal_domain(own);
    return normal && is_or_contains(domain, *normal);
  });
}

Refusal refuse_alone(const Bait& bait, std::string_view key, const VettingGround& ground) {
  if (!well_formed(key, bait.kind)) return Refusal::malformed;
  if (ground.existing != nullptr && ground.existing->find(bait)) return Refusal::duplicate;
  const Parts parts = parts_of(key);
  if (bait.kind != BaitKind::domain) {
    return is_role_name(parts.local) ? Refusal::role_name : Refusal::none;
  }
  if (is_public_suffix(parts.domain)) return Refusal::public_suffix;
  if (is_own_domain(parts.domain, ground.local_domains)) return Refusal::own_domain;
  return Refusal::none;
}

std::vector<Bait> numbered(std::span<const Bait> proposed) {
  std::vector<Bait> baits{proposed.begin(), proposed.end()};
  for (std::size_t i = 0; i < baits.size(); ++i) baits[i].id = BaitId{static_cast<std::int64_t>(i)};
  return baits;
}

}  // namespace

std::string_view describe(Refusal refusal) {
  switch (refusal) {
    case Refusal::none:
      return "may be a bait";
    case Refusal::malformed:
      return "not a well-formed name@domain, domain or ASCII local part";
    case Refusal::duplicate:
      return "is a bait already";
    case Refusal::public_suffix:
      return "is a public suffix: every domain below it would be a bait";
    case Refusal::own_domain:
      return "is, or contains, one of the site's own mail domains";
    case Refusal::role_name:
      return "is a name that honest mail is sent to (RFC 2142)";
    case Refusal::seen:
      return "is in use: recent mail was sent from or to an address that it would catch";
  }
  return "unknown";
}

bool can_be_forced(Refusal refusal) {
  return refusal != Refusal::malformed && refusal != Refusal::duplicate;
}

Vetting::Vetting(std::span<const Bait> proposed, const VettingGround& ground)
    : proposed_{numbered(proposed)} {
  std::unordered_set<std::string> earlier;
  verdicts_.reserve(proposed.size());
  for (const Bait& bait : proposed) {
    const auto key = normal_key(bait);
    if (!key) {
      verdicts_.push_back(Refusal::malformed);
    } else if (!earlier.insert(*key).second) {
      verdicts_.push_back(Refusal::duplicate);
    } else {
      verdicts_.push_back(refuse_alone(bait, *key, ground));
    }
  }
}

void Vetting::saw(const smtp::Mailbox& mailbox) {
  proposed_.each_match(mailbox, [this](const Hit& hit) {
    Refusal& verdict = verdicts_[static_cast<std::size_t>(hit.id)];
    if (verdict == Refusal::none) verdict = Refusal::seen;
  });
}

}  // namespace cordon::baits
