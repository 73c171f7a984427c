#include "proxy/own_endpoints.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <ifaddrs.h>
#include <netinet/in.h>

namespace cordon::proxy {

namespace ip = boost::asio::ip;

namespace {

// Without a zone, and IPv4 as IPv4: as the domain name system tells it.
ip::address plain(const ip::address& address) {
  if (address.is_v4()) return address;
  const auto v6 = address.to_v6();
  if (v6.is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, v6);
  return ip::address_v6(v6.to_bytes());
}

// An unspecified one is taken for this host's own (connect to 0.0.0.0: Linux, ip(7)).
ip::address as_reached(const ip::address& address) {
  ip::address found = plain(address);
  if (!found.is_unspecified()) return found;
  if (found.is_v4()) return ip::address_v4::loopback();
  return ip::address_v6::loopback();
}

}  // namespace

std::vector<ip::address> interface_addresses() {
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owned(first, freeifaddrs);
  std::vector<ip::address> found;
  for (const ifaddrs* one = first; one != nullptr; one = one->ifa_next) {
    if (one->ifa_addr == nullptr) continue;
    if (one->ifa_addr->sa_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
      found.emplace_back(ip::address_v4(ntohl(v4->sin_addr.s_addr)));
    } else if (one->ifa_addr->sa_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(one->ifa_addr);
      ip::address_v6::bytes_type octets;
      std::copy_n(v6->sin6_addr.s6_addr, octets.size(), octets.begin());
      found.emplace_back(ip::address_v6(octets));
    }
  }
  return found;
}

OwnEndpoints::OwnEndpoints(std::vector<ip::tcp::endpoint> listening, Addresses interfaces)
    : listening_(std::move(listening)), interfaces_(std::move(interfaces)) {}

bool OwnEndpoints::contains(const ip::address& address, std::uint16_t port) const {
  const ip::address there = as_reached(address);
  return std::any_of(listening_.begin(), listening_.end(), [&](const auto& listener) {
    if (listener.port() != port) return false;
    const ip::address at = plain(listener.address());
    if (!at.is_unspecified()) return at == there;
    return at.is_v4() == there.is_v4() && is_of_this_host(there);
  });
}

// Every address of 127.0.0.0/8 is, though the interface has one of them.
bool OwnEndpoints::is_of_this_host(const ip::address& address) const {
  if (address.is_loopback()) return true;
  const auto all = interfaces_();
  return std::any_of(all.begin(), all.end(),
                     [&](const auto& one) { return plain(one) == address; });
}

}  // namespace cordon::proxy
