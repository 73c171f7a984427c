#include "cordon/back_off.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using cordon::BackOff;
using cordon::RetryPlan;
using cordon::store::Uptime;

namespace {
constexpr RetryPlan plan{.first = 60s, .most = 600s, .jitter = 0};
constexpr Uptime start{1000s};
}  // namespace

TEST_CASE("a destination that cannot be reached is closed, longer each time") {
  BackOff back_off;
  CHECK_FALSE(back_off.closed("a", start));
  back_off.failed("a", start, plan, 0.5, "connection refused");
  REQUIRE(back_off.closed("a", start));
  CHECK(back_off.closed("a", start)->until == start + 60s);
  CHECK(back_off.closed("a", start)->why == "connection refused");
  CHECK_FALSE(back_off.closed("b", start));

  CHECK(back_off.closed("a", start + 59s));
  CHECK_FALSE(back_off.closed("a", start + 60s));
  back_off.failed("a", start + 60s, plan, 0.5, "refused");
  CHECK(back_off.closed("a", start + 60s)->until == start + 180s);
}

TEST_CASE("sessions that fail together count once") {
  BackOff back_off;
  for (int i = 0; i < 20; ++i) back_off.failed("a", start + i * 1ms, plan, 0.5, "refused");
  CHECK(back_off.closed("a", start)->until == start + 60s);
}

TEST_CASE("one session that comes about opens the destination and forgets the failures") {
  BackOff back_off;
  back_off.failed("a", start, plan, 0.5, "refused");
  back_off.failed("a", start + 60s, plan, 0.5, "refused");
  back_off.reached("a");
  CHECK_FALSE(back_off.closed("a", start + 61s));
  back_off.failed("a", start + 61s, plan, 0.5, "refused");
  CHECK(back_off.closed("a", start + 61s)->until == start + 121s);
}

TEST_CASE("a destination that nobody asks for any more is forgotten") {
  BackOff back_off;
  back_off.failed("a", start, plan, 0.5, "refused");
  back_off.failed("b", start + 1h, plan, 0.5, "refused");
  back_off.forget(start + 30min);
  CHECK(back_off.size() == 1);
  CHECK(back_off.closed("b", start + 1h));
}
