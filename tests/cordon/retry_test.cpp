#include "cordon/retry.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using cordon::next_look;
using cordon::retry_delay;
using cordon::store::Uptime;

TEST_CASE("each failure doubles the delay, up to the longest") {
  const cordon::RetryPlan plan{.first = 60s, .most = 3600s, .jitter = 0};
  CHECK(retry_delay(plan, 1, 0.5) == 60s);
  CHECK(retry_delay(plan, 2, 0.5) == 120s);
  CHECK(retry_delay(plan, 6, 0.5) == 1920s);
  CHECK(retry_delay(plan, 7, 0.5) == 3600s);
  CHECK(retry_delay(plan, 4'000'000'000, 0.5) == 3600s);
}

TEST_CASE("jitter spreads the delay either way and no further") {
  const cordon::RetryPlan plan{.first = 100s, .most = 3600s, .jitter = 0.2};
  CHECK(retry_delay(plan, 1, 0.0) == 80s);
  CHECK(retry_delay(plan, 1, 0.5) == 100s);
  CHECK(retry_delay(plan, 1, 0.999999) <= 120s);
}

TEST_CASE("what cannot be tried is looked at when it is late and when it ends, and once more") {
  const cordon::RetryPlan plan{.lifetime = 100h, .late_after = 4h};
  const Uptime accepted{1000h};
  CHECK(next_look(plan, accepted, accepted) == accepted + 4h);
  CHECK(next_look(plan, accepted, accepted + 4h) == accepted + 100h);
  CHECK(next_look(plan, accepted, accepted + 100h) == accepted + 100h + 5min);
  CHECK(next_look({.lifetime = 100h}, accepted, accepted) == accepted + 100h);
  // Told at the end, it need not be told that it was late.
  CHECK(next_look({.lifetime = 1h, .late_after = 4h}, accepted, accepted) == accepted + 1h);
}
