// xtext (RFC 3461 4): how ENVID and ORCPT, and the values of XCLIENT, carry what an ESMTP value may
// not.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cordon::smtp {

// The decoded text, or nothing if `text` is no xtext or decodes to something not printable:
// RFC 3461 4.2 and 4.4 ask for that, and a line break hidden there would break a DSN open.
std::optional<std::string> decode_xtext(std::string_view text);
// The same, but UTF-8 is printable too: Postfix encodes an address beyond ASCII in this way, and
// says "rfc822" in front of it, where RFC 6533 3 has a form of its own.
std::optional<std::string> decode_xtext_utf8(std::string_view text);
// The same with any octets allowed in the result, controls too.
std::optional<std::string> decode_xtext_octets(std::string_view text);
// Every octet but printable ASCII, and "+" and "=", becomes "+XX".
std::string encode_xtext(std::string_view octets);

}  // namespace cordon::smtp
