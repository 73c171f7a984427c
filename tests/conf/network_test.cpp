#include "proxy/network.h"

#include <doctest/doctest.h>

using namespace cordon::proxy;

TEST_CASE("a network contains exactly the addresses under its prefix") {
  const auto network = Network::parse("192.0.2.128/25");
  REQUIRE(network.has_value());
  CHECK(network->contains("192.0.2.128"));
  CHECK(network->contains("192.0.2.255"));
  CHECK_FALSE(network->contains("192.0.2.127"));
  CHECK_FALSE(network->contains("192.0.3.128"));

  const auto six = Network::parse("2001:db8::/33");
  REQUIRE(six.has_value());
  CHECK(six->contains("2001:db8:7fff::1"));
  CHECK_FALSE(six->contains("2001:db8:8000::1"));
}

TEST_CASE("a network without a prefix is the one address") {
  const auto one = Network::parse("192.0.2.7");
  REQUIRE(one.has_value());
  CHECK(one->contains("192.0.2.7"));
  CHECK_FALSE(one->contains("192.0.2.6"));
  CHECK(one->to_string() == "192.0.2.7/32");
}

TEST_CASE("an IPv4 client seen through an IPv6 socket is the IPv4 client") {
  const auto network = Network::parse("192.0.2.0/24");
  REQUIRE(network.has_value());
  CHECK(network->contains("::ffff:192.0.2.9"));
  const std::uint8_t octets[4] = {192, 0, 2, 9};
  CHECK(network->contains(octets));
}

TEST_CASE("all of IPv6 does not take in IPv4, nor the other way") {
  CHECK_FALSE(Network::parse("::/0")->contains("192.0.2.9"));
  CHECK(Network::parse("::/0")->contains("2001:db8::1"));
  CHECK(Network::parse("0.0.0.0/0")->contains("192.0.2.9"));
  CHECK_FALSE(Network::parse("0.0.0.0/0")->contains("2001:db8::1"));
}

TEST_CASE("what is no network is refused by its fault") {
  CHECK(Network::parse("").error() == NetworkError::bad_address);
  CHECK(Network::parse("192.0.2").error() == NetworkError::bad_address);
  CHECK(Network::parse("[::1]").error() == NetworkError::bad_address);
  CHECK(Network::parse(std::string_view("192.0.2.7\0x", 11)).error() == NetworkError::bad_address);
  CHECK(Network::parse("192.0.2.0/").error() == NetworkError::bad_prefix);
  CHECK(Network::parse("192.0.2.0/33").error() == NetworkError::bad_prefix);
  CHECK(Network::parse("192.0.2.0/-1").error() == NetworkError::bad_prefix);
  CHECK(Network::parse("192.0.2.0/24x").error() == NetworkError::bad_prefix);
  CHECK(Network::parse("2001:db8::/129").error() == NetworkError::bad_prefix);
  CHECK(Network::parse("192.0.2.7/24").error() == NetworkError::host_bits);
}

TEST_CASE("a text that is no address is in no network") {
  CHECK_FALSE(Network::parse("0.0.0.0/0")->contains("localhost"));
  CHECK_FALSE(Network::parse("0.0.0.0/0")->contains(""));
}
