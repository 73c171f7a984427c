// What may come in at once: memory, disk, and a host's share of the way into the store.
#include "proxy/intake.h"

#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using cordon::proxy::Intake;

TEST_CASE("content above the limit is not kept, and what was let go makes room again") {
  Intake intake;
  for (const char* host : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) CHECK(intake.keep(host, 20, 80));
  CHECK(intake.keep("192.0.2.4", 19, 80));
  CHECK(intake.has_memory("192.0.2.5", 80));
  CHECK_FALSE(intake.keep("192.0.2.5", 2, 80));
  CHECK(intake.keep("192.0.2.5", 1, 80));
  CHECK_FALSE(intake.has_memory("192.0.2.6", 80));
  intake.release("192.0.2.1", 20);
  CHECK(intake.keep("192.0.2.6", 20, 80));
}

TEST_CASE("one host cannot take the memory of all") {
  Intake intake;
  CHECK(intake.keep("192.0.2.1", 20, 80));
  CHECK_FALSE(intake.has_memory("192.0.2.1", 80));
  CHECK_FALSE(intake.keep("192.0.2.1", 1, 80));
  CHECK(intake.keep("192.0.2.2", 1, 80));
  intake.release("192.0.2.1", 1);
  CHECK(intake.keep("192.0.2.1", 1, 80));
}

TEST_CASE("what is on its way to the disk counts before the next look") {
  Intake intake;
  intake.spend_disk(1);  // before the first look all is free
  CHECK(intake.disk_has_room(1ull << 60, 1ull << 60));
  intake.measure_disk("/");
  std::uint64_t free = 0;
  for (std::uint64_t bit = 1ull << 60; bit != 0; bit /= 2)
    if (intake.disk_has_room(free + bit, 0)) free += bit;
  intake.spend_disk(free - 1);
  CHECK(intake.disk_has_room(1, 0));
  CHECK_FALSE(intake.disk_has_room(2, 0));
  intake.spend_disk(100);
  CHECK_FALSE(intake.disk_has_room(1, 0));
}

TEST_CASE("who waits is forgotten with all that its turn would have kept") {
  Intake intake;
  const auto session = std::make_shared<int>();
  CHECK(intake.take_turn("192.0.2.1", Intake::host_share, [] {}));
  CHECK_FALSE(intake.take_turn("192.0.2.1", 1, [session] {}));
  CHECK(session.use_count() == 2);
  intake.forget_waiting();
  CHECK(session.use_count() == 1);
  intake.end_turn("192.0.2.1", Intake::host_share);
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
