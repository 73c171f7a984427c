#include "proxy/doorkeeper.h"

#include <vector>

#include <doctest/doctest.h>

using cordon::proxy::Doorkeeper;
using cordon::proxy::Limited;
using cordon::proxy::Settings;
using Verdict = Doorkeeper::Verdict;
using Place = Doorkeeper::Place;

namespace {

Settings::Limits few() {
  Settings::Limits limits;
  limits.max_sessions = 3;
  limits.max_sessions_per_host = 2;
  return limits;
}

}  // namespace

TEST_CASE("one host may not take all the sessions, and a place that is left is free again") {
  const auto limits = few();
  Doorkeeper door;
  std::vector<Place> places(6);
  CHECK(door.enter("192.0.2.1", limits, places[0]) == Verdict::welcome);
  CHECK(door.enter("192.0.2.1", limits, places[1]) == Verdict::welcome);
  CHECK(door.enter("192.0.2.1", limits, places[2]) == Verdict::host_full);
  CHECK(door.enter("192.0.2.2", limits, places[3]) == Verdict::welcome);
  CHECK(door.enter("192.0.2.3", limits, places[4]) == Verdict::full);
  places[0] = {};
  CHECK(door.enter("192.0.2.3", limits, places[5]) == Verdict::welcome);
}

TEST_CASE("a host that has one /64 has one host's share of sessions") {
  Doorkeeper door;
  std::vector<Place> places(3);
  CHECK(door.enter("2001:db8::1", few(), places[0]) == Verdict::welcome);
  CHECK(door.enter("2001:db8::2", few(), places[1]) == Verdict::welcome);
  CHECK(door.enter("2001:db8::3", few(), places[2]) == Verdict::host_full);
}

TEST_CASE("a proxy's sessions are those of the hosts that it names") {
  const auto limits = few();
  Doorkeeper door;
  std::vector<Place> places(4);
  for (int i = 0; i < 3; ++i) CHECK(door.enter_unnamed(limits, places[i]) == Verdict::welcome);
  CHECK(door.enter_unnamed(limits, places[3]) == Verdict::full);
  CHECK(places[0].move_to("192.0.2.1", limits) == Verdict::welcome);
  CHECK(places[1].move_to("192.0.2.1", limits) == Verdict::welcome);
  CHECK(places[2].move_to("192.0.2.1", limits) == Verdict::host_full);
  CHECK(places[2].move_to("192.0.2.2", limits) == Verdict::welcome);
  CHECK(places[1].move_to("192.0.2.1", limits) == Verdict::welcome);  // as it is
  CHECK(places[1].move_to("192.0.2.2", limits) == Verdict::welcome);
  CHECK(places[2].move_to("192.0.2.1", limits) == Verdict::welcome);  // what was left is free
  CHECK(door.enter_unnamed(limits, places[3]) == Verdict::full);      // and all have one place
}

TEST_CASE("connections, and what is done over them, are counted a minute") {
  auto limits = few();
  limits.max_connections_per_minute = 1;
  Doorkeeper door;
  Place place;
  CHECK(door.enter("192.0.2.1", limits, place) == Verdict::welcome);
  place = {};
  CHECK(door.enter("192.0.2.1", limits, place) == Verdict::too_often);
  CHECK(door.enter("192.0.2.2", limits, place) == Verdict::welcome);
  CHECK(door.count("192.0.2.1", Limited::messages, 1));
  CHECK_FALSE(door.within("192.0.2.1", Limited::messages, 1));
  CHECK_FALSE(door.count("192.0.2.1", Limited::messages, 1));
  CHECK(door.count("192.0.2.1", Limited::messages, 0));
}

TEST_CASE("a host whose sessions had too many errors begins no other for a while") {
  auto limits = few();
  limits.max_errors_per_minute = 10;
  Doorkeeper door;
  Place place;
  CHECK(door.enter("192.0.2.1", limits, place) == Verdict::welcome);
  place = {};
  door.count_errors("192.0.2.1", 9, limits.max_errors_per_minute);
  CHECK(door.enter("192.0.2.1", limits, place) == Verdict::welcome);
  place = {};
  door.count_errors("192.0.2.1", 1, limits.max_errors_per_minute);
  CHECK(door.enter("192.0.2.1", limits, place) == Verdict::too_often);
  CHECK(door.enter("192.0.2.2", limits, place) == Verdict::welcome);
  limits.max_errors_per_minute = 0;
  place = {};
  CHECK(door.enter("192.0.2.1", limits, place) == Verdict::welcome);
}
