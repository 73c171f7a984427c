// A bait: an address, a domain or a local part whose use in any mail is a violation (BESIDES 4.1).
#pragma once

#include <cstdint>
#include <string>

namespace cordon::baits {

// Stable name of a bait, also where the bait itself must not be shown (logs, reports). Never
// reused.
enum class BaitId : std::int64_t {};

// Three kinds because of Bugbear, which pairs one address's local part with another's domain
// (BESIDES 5.1): an address catches the pair, a domain any local part at it or below it, a local
// part the same name at any domain.
enum class BaitKind : std::uint8_t { address, domain, local_part };

struct Bait {
  BaitId id{};
  BaitKind kind = BaitKind::address;
  std::string value;  // "name@domain", "domain" or "name", as the admin wrote it
  std::string label;  // where it was planted, or why it exists; free text, may be empty
};

}  // namespace cordon::baits
