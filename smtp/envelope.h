// What SMTP says about a message outside its content: reverse path, recipients, and their ESMTP
// parameters (RFC 5321 2.3.1, RFC 3461). Values only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "smtp/address.h"

namespace cordon::smtp {

enum class BodyType : std::uint8_t { seven_bit, eight_bit_mime };  // BODY= (RFC 6152)

enum class DsnReturn : std::uint8_t { unspecified, full, headers };  // RET= (RFC 3461 4.3)

// NOTIFY= (RFC 3461 4.1) as a set of bits; zero means that the client did not say.
namespace notify {
inline constexpr std::uint8_t unspecified = 0;
inline constexpr std::uint8_t never = 1;
inline constexpr std::uint8_t success = 2;
inline constexpr std::uint8_t failure = 4;
inline constexpr std::uint8_t delay = 8;
}  // namespace notify

struct Recipient {
  Mailbox mailbox;
  std::uint8_t notify = notify::unspecified;
  std::string
      orcpt;  // ORCPT= as given, still xtext: "rfc822;a+2Bb@x" (RFC 3461 4.2); empty if none
  bool operator==(const Recipient&) const = default;
};

struct Envelope {
  ReversePath sender;
  std::optional<std::uint64_t> declared_size;  // SIZE= in octets (RFC 1870)
  BodyType body = BodyType::seven_bit;
  bool smtputf8 = false;  // RFC 6531
  DsnReturn ret = DsnReturn::unspecified;
  std::string envid;                  // ENVID= as given, still xtext; empty if none
  std::vector<Recipient> recipients;  // in the order of the client's RCPT commands
  bool operator==(const Envelope&) const = default;
};

}  // namespace cordon::smtp
