// What may come in at once: memory, disk, and a host's share of the way into the store.
#include "proxy/intake.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

using cordon::proxy::Intake;

TEST_CASE("content above the limit is not kept, and what was let go makes room again") {
  Intake intake;
  CHECK(intake.keep(60, 100));
  CHECK_FALSE(intake.keep(41, 100));
  CHECK(intake.kept() == 60);
  CHECK(intake.keep(40, 100));
  intake.release(60);
  CHECK(intake.keep(60, 100));
}

TEST_CASE("a disk is full before its last octets are gone, and a declared size counts") {
  Intake intake;
  CHECK(intake.disk_has_room(1ull << 60, 1ull << 60));  // not looked at yet
  intake.measure_disk("/");
  CHECK(intake.disk_has_room(0, 0));
  CHECK_FALSE(intake.disk_has_room(0, 1ull << 60));
  CHECK_FALSE(intake.disk_has_room(1ull << 60, 0));
  intake.measure_disk("/no/such/place");
  CHECK(intake.disk_has_room(1ull << 60, 1ull << 60));
}

TEST_CASE("a host with its share on the way waits, in order, and others do not wait for it") {
  Intake intake;
  std::vector<std::string> went;
  const auto goes = [&](const char* name) { return [&went, name] { went.emplace_back(name); }; };
  const std::size_t half = Intake::host_share / 2;
  CHECK(intake.take_turn("192.0.2.1", half, goes("first")));
  CHECK(intake.take_turn("192.0.2.1", half, goes("second")));
  CHECK_FALSE(intake.take_turn("192.0.2.1", half, goes("third")));
  CHECK_FALSE(intake.take_turn("192.0.2.1", 1, goes("small, but behind the third")));
  CHECK(intake.take_turn("192.0.2.2", half, goes("of another host")));
  CHECK(went.empty());
  intake.end_turn("192.0.2.1", half);
  CHECK(went == std::vector<std::string>{"third"});
  intake.end_turn("192.0.2.1", half);
  CHECK(went == std::vector<std::string>{"third", "small, but behind the third"});
}

TEST_CASE("what is larger than the share goes, alone") {
  Intake intake;
  bool gone = false;
  CHECK(intake.take_turn("192.0.2.1", 2 * Intake::host_share, [] {}));
  CHECK_FALSE(intake.take_turn("192.0.2.1", 1, [&] { gone = true; }));
  intake.end_turn("192.0.2.1", 2 * Intake::host_share);
  CHECK(gone);
}
