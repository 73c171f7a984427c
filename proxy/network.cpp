#include "proxy/network.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include <arpa/inet.h>
#include <netinet/in.h>

namespace cordon::proxy {
namespace {

using Octets = std::array<std::uint8_t, 16>;
constexpr std::array<std::uint8_t, 12> mapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr unsigned mapped_bits = 96;

bool is_mapped(const Octets& octets) {
  return std::equal(mapped.begin(), mapped.end(), octets.begin());
}

std::optional<Octets> parse_octets(std::string_view text) {
  const std::string copy(text);
  if (copy.find('\0') != std::string::npos) return std::nullopt;
  Octets octets{};
  if (inet_pton(AF_INET6, copy.c_str(), octets.data()) == 1) return octets;
  std::copy(mapped.begin(), mapped.end(), octets.begin());
  if (inet_pton(AF_INET, copy.c_str(), octets.data() + mapped.size()) == 1) return octets;
  return std::nullopt;
}

// The bits of octet `index` that a prefix covers.
std::uint8_t mask_at(unsigned prefix, std::size_t index) {
  const unsigned first = static_cast<unsigned>(index) * 8;
  if (prefix <= first) return 0;
  const unsigned bits = std::min(prefix - first, 8u);
  return static_cast<std::uint8_t>(0xFF00u >> bits);
}

}  // namespace

std::string_view describe(NetworkError error) {
  switch (error) {
    case NetworkError::bad_address:
      return "no IPv4 or IPv6 address";
    case NetworkError::bad_prefix:
      return "the prefix length is no number, or too long";
    case NetworkError::host_bits:
      return "it has bits set beyond its prefix";
  }
  return "no network";
}

boost::system::result<Network, NetworkError> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  const auto octets = parse_octets(address);
  if (!octets) return NetworkError::bad_address;
  const bool written_as_v4 = address.find(':') == std::string_view::npos;
  Network network;
  network.octets_ = *octets;
  network.prefix_ = 128;
  if (slash == std::string_view::npos) return network;

  const std::string_view digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc() || end != digits.data() + digits.size() ||
      length > (written_as_v4 ? 32u : 128u)) {
    return NetworkError::bad_prefix;
  }
  network.prefix_ = written_as_v4 ? length + mapped_bits : length;
  for (std::size_t i = 0; i < network.octets_.size(); ++i) {
    if ((network.octets_[i] & ~mask_at(network.prefix_, i) & 0xFF) != 0) {
      return NetworkError::host_bits;
    }
  }
  return network;
}

bool Network::contains(std::string_view address) const {
  const auto octets = parse_octets(address);
  return octets && contains(std::span<const std::uint8_t>(*octets));
}

bool Network::contains(std::span<const std::uint8_t> octets) const {
  Octets wide{};
  if (octets.size() == 4) {
    std::copy(mapped.begin(), mapped.end(), wide.begin());
    std::copy(octets.begin(), octets.end(), wide.begin() + mapped.size());
  } else if (octets.size() == 16) {
    std::copy(octets.begin(), octets.end(), wide.begin());
  } else {
    return false;
  }
  // ::/0 means all of IPv6, not also all of IPv4.
  if (prefix_ < mapped_bits && is_mapped(wide)) return false;
  for (std::size_t i = 0; i < wide.size(); ++i) {
    if (((wide[i] ^ octets_[i]) & mask_at(prefix_, i)) != 0) return false;
  }
  return true;
}

std::string Network::to_string() const {
  char text[INET6_ADDRSTRLEN] = {};
  const bool v4 = prefix_ >= mapped_bits && is_mapped(octets_);
  inet_ntop(v4 ? AF_INET : AF_INET6, octets_.data() + (v4 ? mapped.size() : 0), text, sizeof text);
  return std::string(text) + "/" + std::to_string(v4 ? prefix_ - mapped_bits : prefix_);
}

}  // namespace cordon::proxy
