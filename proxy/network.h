// A network of IP addresses in CIDR form (RFC 4632, RFC 4291 2.3), as conf files write it. A value:
// cheap to copy, safe from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <boost/system/result.hpp>

namespace cordon::proxy {

enum class NetworkError : std::uint8_t {
  bad_address,  // neither IPv4 nor IPv6
  bad_prefix,   // no number, or longer than the address
  host_bits,    // 192.0.2.7/24: one address or the whole network may be meant
};
std::string_view describe(NetworkError error);

class Network {
 public:
  // "192.0.2.0/24", "2001:db8::/32"; without a prefix the one address. No brackets, no zone.
  static boost::system::result<Network, NetworkError> parse(std::string_view text);

  // `address` is text, without brackets or port. What is no address is in no network. An IPv4
  // address mapped into IPv6 (::ffff:192.0.2.7) counts as the IPv4 address.
  bool contains(std::string_view address) const;
  // The octets in network order: 4 for IPv4, 16 for IPv6.
  bool contains(std::span<const std::uint8_t> octets) const;

  std::string to_string() const;
  bool operator==(const Network&) const = default;

 private:
  // IPv4 is kept as its mapped IPv6 form, so that there is one comparison.
  std::array<std::uint8_t, 16> octets_{};
  unsigned prefix_ = 0;  // bits of octets_
};

}  // namespace cordon::proxy
