// Address literals (RFC 5321 4.1.3): what may stand between "[" and "]" for a domain.
#pragma once

#include <string_view>

namespace cordon::smtp {

bool is_ipv4_address(std::string_view text);  // dotted, four parts, 0..255 each
bool is_ipv6_address(std::string_view text);  // without "IPv6:"; "::" and a dotted tail included

// `text` without its brackets: an IPv4 address, "IPv6:" and an IPv6 address, or "tag:" and
// printable octets other than "[", "\" and "]".
bool is_address_literal(std::string_view text);

}  // namespace cordon::smtp
