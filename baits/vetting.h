// Whether a proposed bait is one that no honest user would write to (BESIDES 4.1). A bait that is
// in honest use would cordon honest people, so what looks like that is refused with a reason. To
// add it all the same is the caller's decision, but for a malformed one, which could never match.
//
//   Vetting vetting{proposed, {.local_domains = ..., .existing = &matcher}};
//   reader.seen_mailboxes(since, [&](const auto& mailbox) { vetting.saw(mailbox); });
//   vetting.verdicts();
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "baits/bait.h"
#include "baits/matcher.h"
#include "smtp/address.h"

namespace cordon::baits {

enum class Refusal : std::uint8_t {
  none,
  malformed,      // no address, domain or local part, or one that cannot be folded to one form
  duplicate,      // of a bait in force, or of one earlier in the same list
  public_suffix,  // would catch every domain below "com" or "co.uk"
  own_domain,     // is or contains one of the site's own mail domains
  role_name,      // postmaster, abuse, info, ...: RFC 2142, RFC 5321 4.5.1, and usual others
  seen,           // mail in the history would have been a violation
};

// A sentence for the operator, in ASCII, without a final full stop; does not hold the bait itself.
std::string_view describe(Refusal refusal);

// Whether the refusal may be overruled (--force).
bool can_be_forced(Refusal refusal);

struct VettingGround {
  std::vector<std::string> local_domains;  // the site's own mail domains
  const Matcher* existing = nullptr;       // baits in force; must outlive the vetting; may be null
};

class Vetting {
 public:
  Vetting(std::span<const Bait> proposed, const VettingGround& ground);

  // A mailbox that honest mail used. Any number of them, with repeats: memory does not grow. Seen
  // is what the matcher would have caught: the bait address itself (also by a sub-address),
  // anything at or below the bait domain, the bait local part anywhere.
  void saw(const smtp::Mailbox& mailbox);

  // One for each proposed bait, in order. Of several reasons the first in the order of Refusal.
  const std::vector<Refusal>& verdicts() const { return verdicts_; }

 private:
  Matcher proposed_;  // ids are places in verdicts_
  std::vector<Refusal> verdicts_;
};

}  // namespace cordon::baits
