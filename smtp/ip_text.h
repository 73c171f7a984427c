// IP addresses between text and octets, without the system's sockets.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cordon::smtp {

struct IpAddress {
  std::array<std::uint8_t, 16> octets{};  // in network order; of IPv4 the first four
  bool v6 = false;
  bool operator==(const IpAddress&) const = default;
};

// "192.0.2.7" or "2001:db8::1"; no zone, no brackets, no leading zeros in dotted numbers (which
// some software takes for octal).
std::optional<IpAddress> parse_ip(std::string_view text);
// In the one form of RFC 5952 that inet_ntop(3) of glibc writes too.
std::string to_text(const IpAddress& address);
// The IPv4-mapped form ::ffff:a.b.c.d (RFC 4291 2.5.5.2); an IPv6 address as it is.
IpAddress as_v6(const IpAddress& address);

}  // namespace cordon::smtp
