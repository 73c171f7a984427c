// Finds baits in envelope addresses (BESIDES 4.2, the usage monitor). An immutable table: built
// once, shared by all threads, swapped whole when the baits change.
//
// Neither case, trailing dots, IDNA form (A- or U-label), sub-addressing (name+tag) nor quoting
// hides a bait: both sides are brought to one normal form first.
#pragma once

#include <cstddef>
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

class Matcher {
 public:
  Matcher();  // matches nothing
  // Of baits with equal normal form the first is kept. A value that has no normal form (see
  // normal_form.h) is left out; vet baits before (vetting.h).
  explicit Matcher(std::span<const Bait> baits);
  ~Matcher();
  Matcher(Matcher&&) noexcept;
  Matcher& operator=(Matcher&&) noexcept;

  // The bait that `mailbox` uses, if any: address before domain before local part. A bait domain
  // also catches its subdomains. No allocation for ASCII mailboxes. Any thread, at once.
  std::optional<Hit> match(const smtp::Mailbox& mailbox) const;

  std::size_t size() const;

 private:
  struct Table;
  std::unique_ptr<const Table> table_;
};

}  // namespace cordon::baits
