// Finds baits in envelope addresses (BESIDES 4.2, the usage monitor). An immutable table: built
// once, shared by all threads, swapped whole when the baits change.
//
// Neither case, trailing dots, IDNA form (A- or U-label), sub-addressing (name+tag) nor quoting
// hides a bait: both sides are brought to one normal form first (normal_form.h). A bait that itself
// holds a separator is caught with all of it: of a+b@x the mailbox a+b+c@x is a use, a@x is not.
//
// One look-up is a few probes of a hash table (siphash.h), each hit verified by its text. A bait
// costs its normal form plus 10 octets, and 16 to 32 octets of table: about 60 for a usual address.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "baits/bait.h"
#include "smtp/address.h"

namespace cordon::baits {

struct Hit {
  BaitId id{};
  BaitKind kind = BaitKind::address;
};

// Characters that end the name proper in a local part, as Postfix's recipient_delimiter; empty if
// the site has no sub-addresses (RFC 5233).
inline constexpr std::string_view usual_separators = "+";

class Matcher {
 public:
  Matcher();  // matches nothing
  // Of baits with equal normal form the first is kept. A value that has no normal form (see
  // normal_form.h) is left out; vet baits before (vetting.h).
  explicit Matcher(std::span<const Bait> baits, std::string_view separators = usual_separators);
  ~Matcher();
  Matcher(Matcher&&) noexcept;
  Matcher& operator=(Matcher&&) noexcept;

  // The bait that `mailbox` uses, if any: address before domain before local part. A bait domain
  // also catches its subdomains. No allocation for ASCII mailboxes. Any thread, at once.
  std::optional<Hit> match(const smtp::Mailbox& mailbox) const;

  // Every bait that `mailbox` uses, in the same order. For vetting, which must not stop at the
  // first.
  void each_match(const smtp::Mailbox& mailbox, const std::function<void(const Hit&)>& hit) const;

  // The bait in the table whose normal form and kind are those of `bait`, if any.
  std::optional<BaitId> find(const Bait& bait) const;

  std::size_t size() const;
  std::size_t octets() const;  // memory held by the table

 private:
  struct Table;
  std::unique_ptr<const Table> table_;
};

}  // namespace cordon::baits
