// SMTP replies (RFC 5321 4.2) with enhanced status codes (RFC 2034, RFC 3463).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cordon::smtp {

struct EnhancedStatus {
  std::uint8_t klass = 0;  // 2, 4 or 5; 0 means that the reply carries none
  std::uint16_t subject = 0;
  std::uint16_t detail = 0;
  bool operator==(const EnhancedStatus&) const = default;
};

// One reply. `text` may have several lines, parted by '\n'; each becomes a line of the reply.
struct Reply {
  int code = 0;  // 200..599
  EnhancedStatus status;
  std::string text;
  bool heard = false;  // a server said so; else the words are our own

  bool positive() const { return code >= 200 && code < 400; }
  bool transient() const { return code >= 400 && code < 500; }
  bool permanent() const { return code >= 500; }
  // "250 2.1.0 OK": one line, for logs and for what operators and senders are told.
  std::string one_line() const;
  // The same words, whoever said them.
  bool operator==(const Reply& other) const {
    return code == other.code && status == other.status && text == other.text;
  }
};

// Appends the wire form, each line ended by CRLF, to `out`. Octets of `text` that could break a
// line (CR, other controls) become '?'. Lines are cut at 512 octets (RFC 5321 4.5.3.1.5).
void append_wire(std::string& out, const Reply& reply);
// The same from its parts, for fixed words that need no string of their own.
void append_wire(std::string& out, int code, EnhancedStatus status, std::string_view text);

}  // namespace cordon::smtp
