#include "cordon/warning_plan.h"

#include <doctest/doctest.h>

using cordon::plan_warnings;
using cordon::WarningLimits;
using cordon::store::RevocationRecord;
using cordon::store::WarningState;

namespace {

RevocationRecord sent(const char* to, bool certain = true) {
  RevocationRecord record;
  record.recipient = to;
  record.certain = certain;
  return record;
}

std::uint32_t none(const std::string&) { return 0; }
const WarningLimits site{.local_domains = {"in.example"}};

}  // namespace

TEST_CASE("each recipient gets one digest, however many messages he had") {
  const auto plan = plan_warnings(
      {sent("a@in.example"), sent("a@in.example"), sent("b@in.example")}, site, 0, none);
  REQUIRE(plan.size() == 2);
  CHECK(plan[0].records.size() == 2);
  CHECK(plan[0].state == WarningState::pending);
  CHECK(plan[1].recipient == "b@in.example");
}

TEST_CASE("people outside the local domains are warned only with an operator's yes") {
  const auto plan = plan_warnings({sent("a@OUT.example"), sent("b@IN.example")}, site, 0, none);
  CHECK(plan[0].state == WarningState::awaiting_approval);
  CHECK(plan[1].state == WarningState::pending);
}

TEST_CASE("warnings of one alert are capped over all its pieces") {
  WarningLimits limits = site;
  limits.max_per_alert = 3;
  const auto plan = plan_warnings({sent("a@in.example"), sent("b@in.example")}, limits, 2, none);
  CHECK(plan[0].state == WarningState::pending);
  CHECK(plan[1].state == WarningState::awaiting_approval);
}

TEST_CASE("warnings that wait for a yes do not use up the cap of those that need none") {
  WarningLimits limits = site;
  limits.max_per_alert = 1;
  const auto plan = plan_warnings({sent("a@out.example"), sent("b@in.example")}, limits, 0, none);
  CHECK(plan[0].state == WarningState::awaiting_approval);
  CHECK(plan[1].state == WarningState::pending);
}

TEST_CASE("nobody is warned more often a day than the limit") {
  const auto plan =
      plan_warnings({sent("a@in.example")}, site, 0, [](const std::string&) { return 3u; });
  CHECK(plan[0].state == WarningState::suppressed);
}

TEST_CASE("a warning is certain if one of its messages is") {
  CHECK_FALSE(plan_warnings({sent("a@in.example", false)}, site, 0, none)[0].certain);
  CHECK(
      plan_warnings({sent("a@in.example", false), sent("a@in.example")}, site, 0, none)[0].certain);
}
