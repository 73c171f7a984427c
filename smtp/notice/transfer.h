// Content transfer encodings (RFC 2045 6.7, 6.8).
#pragma once

#include <string>
#include <string_view>

namespace cordon::notice {

// Lenient: octets outside the alphabet are skipped, as RFC 2045 asks; stops at "=".
std::string from_base64(std::string_view text);
std::string to_base64(std::string_view octets);

// The Q encoding of RFC 2047 4.2, decoded; a malformed "=" stays as it is.
std::string from_q(std::string_view text);

// Quoted-printable of text with CRLF line ends, which stay; lines of at most 76 columns.
std::string to_quoted_printable(std::string_view text);

}  // namespace cordon::notice
