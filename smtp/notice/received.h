// The trace field that Cordon puts in front of each message (RFC 5321 4.4), the only change it
// makes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "smtp/notice/text.h"

namespace cordon::notice {

enum class Protocol : std::uint8_t { smtp, esmtp, utf8smtp };  // RFC 3848, RFC 6531 4.3

struct TraceFacts {
  std::string_view helo;      // as the client said it: hostile; empty if it said nothing
  std::string_view peer;      // "192.0.2.7" or "2001:db8::7"
  std::string_view hostname;  // ours
  Protocol protocol = Protocol::esmtp;
  std::string_view tls_version;  // "TLSv1.3"; empty: not under TLS
  std::string_view tls_cipher;   // its registered name, for the "tls" clause (RFC 8314 4.3)
  bool authenticated = false;
  std::string_view id;  // of the message
  WallTime at;
  // Told in a "for" clause if there is just one recipient and it is no bait; several would tell
  // each other's blind copies, and a bait must appear nowhere.
  std::string_view sole_recipient;  // "name@domain"; empty if there are several
  bool recipient_is_bait = false;
};

// ASCII, folded, with CRLF at its end.
std::string received_field(const TraceFacts& facts);

}  // namespace cordon::notice
