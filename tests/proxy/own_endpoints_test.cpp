#include "proxy/own_endpoints.h"

#include <algorithm>

#include <doctest/doctest.h>

using namespace cordon::proxy;

namespace {

namespace ip = boost::asio::ip;

ip::tcp::endpoint at(const char* address, std::uint16_t port) {
  return {ip::make_address(address), port};
}

// Of a host with two addresses beside the loopback.
OwnEndpoints host(std::vector<ip::tcp::endpoint> listening) {
  return OwnEndpoints(std::move(listening), [] {
    return std::vector{ip::make_address("127.0.0.1"), ip::make_address("192.0.2.1"),
                       ip::make_address("2001:db8::1"), ip::make_address("fe80::1%1")};
  });
}

bool is_own(const OwnEndpoints& own, const char* address, std::uint16_t port) {
  return own.contains(ip::make_address(address), port);
}

}  // namespace

TEST_CASE("an endpoint is ours by address and port together") {
  const auto own = host({at("192.0.2.1", 25), at("127.0.0.1", 2525), at("2001:db8::1", 587)});
  CHECK(is_own(own, "192.0.2.1", 25));
  CHECK(is_own(own, "::ffff:192.0.2.1", 25));
  CHECK(is_own(own, "127.0.0.1", 2525));
  CHECK(is_own(own, "2001:db8::1", 587));
  CHECK_FALSE(is_own(own, "192.0.2.1", 2525));
  CHECK_FALSE(is_own(own, "192.0.2.2", 25));
  CHECK_FALSE(is_own(own, "127.0.0.2", 2525));
  CHECK_FALSE(is_own(own, "2001:db8::1", 25));
  CHECK_FALSE(is_own(host({}), "127.0.0.1", 25));
}

TEST_CASE("who listens everywhere answers at each address of the host") {
  const auto own = host({at("0.0.0.0", 25), at("::", 587)});
  for (const char* address : {"192.0.2.1", "127.0.0.1", "127.9.9.9", "0.0.0.0"}) {
    CAPTURE(address);
    CHECK(is_own(own, address, 25));
    CHECK_FALSE(is_own(own, address, 587));
  }
  for (const char* address : {"2001:db8::1", "::1", "::", "fe80::1"}) {
    CAPTURE(address);
    CHECK(is_own(own, address, 587));
    CHECK_FALSE(is_own(own, address, 25));
  }
  CHECK_FALSE(is_own(own, "192.0.2.2", 25));
  CHECK_FALSE(is_own(own, "2001:db8::2", 587));
}

TEST_CASE("to connect to the unspecified address is to connect to this host") {
  CHECK(is_own(host({at("127.0.0.1", 25)}), "0.0.0.0", 25));
  CHECK_FALSE(is_own(host({at("192.0.2.1", 25)}), "0.0.0.0", 25));
}

TEST_CASE("the system tells the addresses of its interfaces") {
  const auto found = interface_addresses();
  CHECK(std::find(found.begin(), found.end(), ip::make_address("127.0.0.1")) != found.end());
}
