#include "proxy/mail_hosts.h"

#include <doctest/doctest.h>

using namespace cordon::proxy;

namespace {

// Equal preferences keep the order of the records: "random" counts up.
Exchangers of(std::string_view domain, DnsStatus status, std::vector<MxRecord> records = {},
              std::string_view own = "gate.example") {
  std::uint32_t next = 0;
  return exchangers(domain, status, std::move(records), own, [&next] { return next++; });
}
using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("exchangers are tried by preference, the lowest first") {
  CHECK(of("a.example", DnsStatus::found, {{20, "second"}, {10, "first"}, {30, "third"}}).names ==
        Names{"first", "second", "third"});
}

TEST_CASE("equal exchangers are shuffled") {
  std::uint32_t next = 10;
  const auto found = exchangers("a.example", DnsStatus::found, {{10, "one"}, {10, "two"}}, "gate",
                                [&next] { return next--; });
  CHECK(found.names == Names{"two", "one"});
}

TEST_CASE("a domain without MX is its own exchanger") {
  CHECK(of("a.example", DnsStatus::no_data).names == Names{"a.example"});
}

TEST_CASE("this host is not its own exchanger, also where no record says so") {
  const auto found = of("Gate.example", DnsStatus::no_data);
  CHECK(found.names.empty());
  CHECK(found.none.status == cordon::smtp::EnhancedStatus{5, 4, 6});
}

TEST_CASE("null MX refuses for good, with the code of RFC 7505") {
  const auto found = of("a.example", DnsStatus::found, {{0, ""}});
  CHECK(found.names.empty());
  CHECK(found.none.code == 556);
  CHECK(found.none.status == cordon::smtp::EnhancedStatus{5, 1, 10});
}

TEST_CASE("an empty exchanger beside others is passed over") {
  CHECK(of("a.example", DnsStatus::found, {{0, ""}, {10, "mx"}}).names == Names{"mx"});
}

TEST_CASE("no such domain is for good, a failed look-up is not") {
  CHECK(of("a.example", DnsStatus::no_name).none.permanent());
  CHECK(of("a.example", DnsStatus::failed).none.transient());
}

TEST_CASE("of this host and those behind it none is tried") {
  CHECK(of("a.example", DnsStatus::found,
           {{10, "best"}, {20, "GATE.example"}, {20, "equal"}, {30, "worse"}})
            .names == Names{"best"});
  const auto alone = of("a.example", DnsStatus::found, {{10, "gate.example"}, {20, "worse"}});
  CHECK(alone.names.empty());
  CHECK(alone.none.status == cordon::smtp::EnhancedStatus{5, 4, 6});
}

TEST_CASE("however many there are, only the best few are tried") {
  std::vector<MxRecord> records;
  for (std::uint16_t i = 0; i < 100; ++i) records.push_back({i, "mx" + std::to_string(i)});
  CHECK(of("a.example", DnsStatus::found, records).names ==
        Names{"mx0", "mx1", "mx2", "mx3", "mx4"});
}

TEST_CASE("an address literal names its host itself") {
  CHECK(literal_address("[192.0.2.1]") == "192.0.2.1");
  CHECK(literal_address("[IPv6:2001:DB8::1]") == "2001:db8::1");
  CHECK(literal_address("[ipv6:2001:db8::1]") == "2001:db8::1");
  CHECK(literal_address("192.0.2.1") == "");
  CHECK(literal_address("[example]") == "");
  CHECK(literal_address("[") == "");
  CHECK(literal_address("[]") == "");
}
