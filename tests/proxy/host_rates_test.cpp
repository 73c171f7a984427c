#include "proxy/host_rates.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using cordon::proxy::host_of;
using cordon::proxy::HostRates;
using cordon::proxy::Limited;

namespace {
const HostRates::Time start{};
}

TEST_CASE("a host may do so much in its minute, and again in the next") {
  HostRates rates;
  CHECK(rates.count("a", Limited::messages, 2, start).within);
  CHECK(rates.count("a", Limited::messages, 2, start + 10s).within);
  CHECK_FALSE(rates.count("a", Limited::messages, 2, start + 59s).within);
  CHECK(rates.count("b", Limited::messages, 2, start + 59s).within);
  CHECK(rates.count("a", Limited::recipients, 2, start + 59s).within);
  CHECK(rates.count("a", Limited::messages, 2, start + 60s).within);
}

TEST_CASE("an excess is told once a minute and kind, not each time") {
  HostRates rates;
  rates.count("a", Limited::messages, 1, start);
  CHECK(rates.count("a", Limited::messages, 1, start).tell);
  CHECK_FALSE(rates.count("a", Limited::messages, 1, start + 1s).tell);
  rates.count("a", Limited::recipients, 1, start);
  CHECK(rates.look("a", Limited::recipients, 1, start).tell);
  rates.count("a", Limited::messages, 1, start + 60s);
  CHECK(rates.count("a", Limited::messages, 1, start + 60s).tell);
}

TEST_CASE("a look counts nothing, and no limit keeps nothing") {
  HostRates rates;
  for (int i = 0; i < 5; ++i) CHECK(rates.look("a", Limited::auth_failures, 1, start).within);
  CHECK(rates.count("a", Limited::messages, 0, start).within);
  CHECK(rates.hosts() == 0);
  rates.count("a", Limited::auth_failures, 1, start);
  CHECK_FALSE(rates.look("a", Limited::auth_failures, 1, start + 59s).within);
  CHECK(rates.look("a", Limited::auth_failures, 1, start + 60s).within);
}

TEST_CASE("what is kept is bounded: minutes that are over go, and then the oldest") {
  HostRates rates(3);
  for (int i = 0; i < 10; ++i)
    rates.count(std::to_string(i), Limited::messages, 1, start + std::chrono::seconds(i));
  CHECK(rates.hosts() == 3);
  CHECK_FALSE(rates.count("9", Limited::messages, 1, start + 10s).within);
  CHECK(rates.count("0", Limited::messages, 1, start + 10s).within);
  rates.count("new", Limited::messages, 1, start + 200s);
  CHECK(rates.hosts() == 1);
}

TEST_CASE("an IPv6 host is its /64, which has addresses without end") {
  CHECK(host_of("192.0.2.7") == "192.0.2.7");
  CHECK(host_of("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64");
  CHECK(host_of("2001:db8:1:2::9") == host_of("2001:db8:1:2:ffff::1"));
  CHECK(host_of("2001:db8:1:3::9") != host_of("2001:db8:1:2::9"));
  CHECK(host_of("nonsense:") == "nonsense:");
}
