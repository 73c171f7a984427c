#include "cordon/origins.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using cordon::Origins;
using namespace cordon::store;

TEST_CASE("an origin is found by an identifier in force, and not by one that has ended") {
  Origins origins;
  Origin origin{.id = OriginId{5}, .label = "desk 5"};
  origin.identifiers.push_back({IdentifierKind::ipv4, "192.0.2.5", {}, {}});
  origin.identifiers.push_back({IdentifierKind::ipv4, "192.0.2.6", {}, WallTime{1s}});
  origins.restore(origin);
  CHECK(origins.find(IdentifierKind::ipv4, "192.0.2.5") == OriginId{5});
  CHECK_FALSE(origins.find(IdentifierKind::ipv4, "192.0.2.6"));
  CHECK_FALSE(origins.find(IdentifierKind::auth_user, "192.0.2.5"));
  CHECK(origins.label(OriginId{5}) == "desk 5");
}

TEST_CASE("that an origin was seen is stored at most once an hour") {
  Origins origins;
  origins.restore({.id = OriginId{5}});
  const WallTime start{100h};
  CHECK(origins.touch(OriginId{5}, start));
  CHECK_FALSE(origins.touch(OriginId{5}, start + 59min));
  CHECK(origins.touch(OriginId{5}, start + 60min));
}

TEST_CASE("only origins seen since are counted, and the gateway itself never is") {
  Origins origins;
  origins.restore({.id = the_gateway, .last_seen = WallTime{200h}});
  origins.restore({.id = OriginId{5}, .last_seen = WallTime{200h}});
  origins.restore({.id = OriginId{6}, .last_seen = WallTime{100h}});
  CHECK(origins.seen_since(WallTime{150h}) == 1);
  CHECK(origins.seen_since(WallTime{50h}) == 2);
}

TEST_CASE("an origin that sends again is counted once, in the hour of its last mail") {
  Origins origins;
  origins.restore({.id = OriginId{5}, .last_seen = WallTime{100h}});
  origins.restore({.id = OriginId{6}, .last_seen = WallTime{100h}});
  origins.touch(OriginId{5}, WallTime{150h + 59min});
  origins.touch(OriginId{5}, WallTime{150h});  // the wall clock stepped back
  origins.touch(OriginId{7}, WallTime{150h});
  origins.touch(the_gateway, WallTime{150h});
  origins.restore({.id = OriginId{6}, .last_seen = WallTime{110h}});
  CHECK(origins.seen_since(WallTime{100h}) == 3);
  CHECK(origins.seen_since(WallTime{111h}) == 2);
  CHECK(origins.seen_since(WallTime{151h}) == 0);
}

TEST_CASE("what counts as seen is told to the full hour before") {
  Origins origins;
  origins.restore({.id = OriginId{5}, .last_seen = WallTime{100h + 10min}});
  CHECK(origins.seen_since(WallTime{100h + 50min}) == 1);
  CHECK(origins.seen_since(WallTime{101h}) == 0);
}
