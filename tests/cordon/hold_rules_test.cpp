#include "cordon/hold_rules.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using cordon::holding_for;
using cordon::HoldRule;

namespace {

cordon::smtp::Envelope mail(const char* local, const char* domain,
                            std::vector<cordon::smtp::Mailbox> to) {
  cordon::smtp::Envelope envelope;
  envelope.sender = {false, {local, domain}};
  for (auto& mailbox : to) envelope.recipients.push_back({.mailbox = std::move(mailbox)});
  return envelope;
}

}  // namespace

TEST_CASE("without a rule the default period holds") {
  CHECK(holding_for({}, 60s, mail("a", "x.example", {{"b", "y.example"}}), "192.0.2.1").period ==
        60s);
}

TEST_CASE("the first rule that matches decides") {
  const std::vector<HoldRule> rules{{.name = "one", .sender = "a@x.example", .period = 5s},
                                    {.name = "two", .sender = "@X.EXAMPLE", .period = 7s}};
  CHECK(holding_for(rules, 60s, mail("a", "X.example", {}), "").period == 5s);
  CHECK(holding_for(rules, 60s, mail("b", "x.example", {}), "").period == 7s);
  CHECK(holding_for(rules, 60s, mail("b", "z.example", {}), "").period == 60s);
}

TEST_CASE("a null sender matches no rule that names a sender") {
  const std::vector<HoldRule> rules{{.sender = "@x.example", .period = 5s}};
  CHECK(holding_for(rules, 60s, {}, "").period == 60s);
}

TEST_CASE("a rule for a recipient domain wants every recipient there") {
  const std::vector<HoldRule> rules{{.recipient_domain = "in.example", .period = 1s}};
  CHECK(holding_for(rules, 60s, mail("a", "x", {{"b", "IN.example"}}), "").period == 1s);
  CHECK(holding_for(rules, 60s, mail("a", "x", {{"b", "in.example"}, {"c", "out.example"}}), "")
            .period == 60s);
}

TEST_CASE("a bypass holds nothing and names its rule for the audit") {
  const std::vector<HoldRule> rules{
      {.name = "scanner", .from_network = [](auto a) { return a == "192.0.2.9"; }, .bypass = true}};
  const auto holding = holding_for(rules, 60s, mail("a", "x", {}), "192.0.2.9");
  CHECK(holding.period == 0s);
  REQUIRE(holding.bypass != nullptr);
  CHECK(holding.bypass->name == "scanner");
  CHECK(holding_for(rules, 60s, mail("a", "x", {}), "192.0.2.8").bypass == nullptr);
}
