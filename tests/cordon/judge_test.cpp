#include "cordon/judge.h"

#include <doctest/doctest.h>

using cordon::judge;
using cordon::Mode;
using cordon::store::Response;

TEST_CASE("the first use of a bait cordons") { CHECK(judge({}, {}).response == Response::cordon); }

TEST_CASE("observe and hold only report") {
  CHECK(judge({.mode = Mode::observe}, {}).response == Response::observed);
  CHECK(judge({.mode = Mode::hold}, {}).response == Response::observed);
}

TEST_CASE("automatic mail to a bait never cordons, since a forged sender provokes it") {
  CHECK(judge({.automatic_sender = true, .score = 1}, {}).response == Response::quarantine_message);
  CHECK(judge({.automatic_sender = true, .score = 2}, {}).response == Response::quarantine_message);
}

TEST_CASE("automatic mail to many baits waits for a person, but a shared origin goes on") {
  const auto verdict = judge({.automatic_sender = true, .score = 3}, {});
  CHECK(verdict.response == Response::review);
  CHECK_FALSE(verdict.review_all);
  CHECK(judge({.shared_origin = true, .automatic_sender = true, .score = 3}, {}).response ==
        Response::quarantine_message);
}

TEST_CASE("a shared origin is never cordoned as a whole") {
  CHECK(judge({.shared_origin = true}, {}).response == Response::quarantine_message);
}

TEST_CASE("too many cordons in an hour make everything wait for a person") {
  CHECK(judge({.cordons_last_hour = 9}, {}).response == Response::cordon);
  const auto verdict = judge({.cordons_last_hour = 10}, {});
  CHECK(verdict.response == Response::review);
  CHECK(verdict.review_all);
}

TEST_CASE("cordons over too large a share of the origins make everything wait for a person") {
  // 20 % of 20 origins are 4.
  CHECK(judge({.origins_cordoned = 3, .origins_seen = 20}, {}).response == Response::cordon);
  CHECK(judge({.origins_cordoned = 4, .origins_seen = 20}, {}).review_all);
}

TEST_CASE("in a small network the share is not looked at") {
  CHECK(judge({.origins_cordoned = 1, .origins_seen = 2}, {}).response == Response::cordon);
}
