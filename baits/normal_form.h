// The normal form of mail addresses: what two spellings of one mailbox have in common. Both baits
// and the addresses of a session are brought to it before they are compared.
//
//   domain  ASCII letters in lower case, trailing dots gone, each label an A-label (idna.h). A
//   label
//           that is no valid IDNA label stays as written but for the case, so it still compares.
//           Address literals: lower case only; they are no baits (vetting.h), a spelling of one
//           cannot hide anything.
//   local   ASCII letters in lower case; quoting is already undone in smtp::Mailbox. Octets above
//           0x7F are compared as they are: their case is not folded, so vetting refuses such baits.
//           Routing hidden inside (a%b@c, b!a@c) is not undone: relays have refused it for decades.
//
// The key of a mailbox is `domain@local`. A domain holds no "@", so the first one parts it, and the
// three kinds share one space of keys: "domain@local" is an address, "domain" a bait domain,
// "@local" a bait local part.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "baits/bait.h"
#include "smtp/address.h"

namespace cordon::baits {

inline constexpr std::size_t max_local_octets = 64;    // RFC 5321 4.5.3.1.1
inline constexpr std::size_t max_domain_octets = 255;  // RFC 5321 4.5.3.1.2, as written

// Nothing if empty (after the trailing dots), over the limit, or with an octet that no name holds
// (controls, space, "@").
std::optional<std::string> normal_domain(std::string_view domain);

// Nothing if empty or over the limit.
std::optional<std::string> normal_local(std::string_view local);

// The key of a bait. Nothing if its value has no normal form.
std::optional<std::string> normal_key(const Bait& bait);

BaitKind kind_of_key(std::string_view key);

// The normal form of one mailbox in a buffer of its own: no allocation for ASCII. A part that is
// empty or over the limit is absent, and the other can still be looked up.
class NormalMailbox {
 public:
  explicit NormalMailbox(const smtp::Mailbox& mailbox);

  bool has_domain() const { return domain_size_ != 0; }
  bool has_local() const { return local_size_ != 0; }
  std::string_view domain() const { return {text_.data(), domain_size_}; }
  std::string_view local() const { return {text_.data() + domain_size_ + 1, local_size_}; }

  // Keys for the first `length` octets of the local part: the whole of it, or what is left when a
  // sub-address is cut off. length <= local().size().
  std::string_view address_key(std::size_t length) const {
    return {text_.data(), domain_size_ + 1 + length};
  }
  std::string_view local_key(std::size_t length) const {
    return {text_.data() + domain_size_, 1 + length};
  }

 private:
  // A U-label of three octets can become an A-label of eight.
  static constexpr std::size_t max_normal_domain = 3 * max_domain_octets;
  std::size_t put_domain(std::string_view domain);
  std::size_t put_local(std::string_view local);

  std::array<char, max_normal_domain + 1 + max_local_octets> text_;  // domain@local
  std::size_t domain_size_ = 0;
  std::size_t local_size_ = 0;
};

}  // namespace cordon::baits
