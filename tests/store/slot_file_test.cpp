// The slot file by itself: which slot is taken, what space it has, what a failed write leaves.
#include "store/slot_file.h"

#include <sys/stat.h>

#include "fixture.h"

namespace cordon::store {
namespace {

struct stat status_of(const TemporaryDirectory& directory) {
  struct stat status {};
  REQUIRE(::stat((directory.path() / "cordon.slots").c_str(), &status) == 0);
  return status;
}
std::uint64_t slots_in(const TemporaryDirectory& directory) {
  return static_cast<std::uint64_t>(status_of(directory).st_size) / slot_octets;
}
std::uint64_t space_of(const TemporaryDirectory& directory) {
  return static_cast<std::uint64_t>(status_of(directory).st_blocks) * 512;
}

TEST_CASE("a set of slots knows its members, the lowest and the end") {
  SlotSet set;
  CHECK_FALSE(set.lowest());
  CHECK(set.end() == 0);
  CHECK(set.add(Slot{200}));
  CHECK_FALSE(set.add(Slot{200}));
  CHECK(set.add(Slot{64}));
  CHECK(set.add(Slot{63}));
  CHECK(set.size() == 3);
  CHECK(set.end() == 201);
  CHECK(set.lowest() == Slot{63});
  CHECK(set.remove(Slot{63}));
  CHECK_FALSE(set.remove(Slot{63}));
  CHECK_FALSE(set.remove(Slot{100'000}));
  CHECK(set.lowest() == Slot{64});
  CHECK(set.add(Slot{3}));
  CHECK(set.lowest() == Slot{3});
  set.cut(64);
  CHECK(set.size() == 1);
  CHECK(set.has(Slot{3}));
  CHECK_FALSE(set.has(Slot{64}));
  set.cut(3);
  CHECK(set.size() == 0);
}

TEST_CASE("the file is nobody else's business, grows in steps, and gives the lowest slot first") {
  const TemporaryDirectory directory;
  SlotFile file(directory.path(), {});
  CHECK((status_of(directory).st_mode & 0777) == 0600);
  CHECK(slots_in(directory) == 0);
  CHECK(file.take() == Slot{0});
  CHECK(file.take() == Slot{1});
  CHECK(slots_in(directory) == 256);
  CHECK(file.spare() == 254);
  file.free(Slot{0});
  CHECK(file.take() == Slot{0});
  for (int i = 0; i < 254; ++i) file.take();
  CHECK(file.take() == Slot{256});
  CHECK(slots_in(directory) == 512);
}

TEST_CASE("slots in use at open are not given out") {
  const TemporaryDirectory directory;
  SlotSet used;
  {
    SlotFile file(directory.path(), {});
    for (int i = 0; i < 4; ++i) file.take();
  }
  used.add(Slot{0});
  used.add(Slot{2});
  SlotFile file(directory.path(), used);
  CHECK(file.take() == Slot{1});
  CHECK(file.take() == Slot{3});
  // An end that is no whole slot is grown over.
  std::filesystem::resize_file(directory.path() / "cordon.slots", 10 * slot_octets + 1000);
  SlotFile cut(directory.path(), {});
  CHECK(cut.slots() == 10);
  for (int i = 0; i < 10; ++i) cut.take();
  CHECK(cut.take() == Slot{10});
  CHECK(slots_in(directory) == 266);
}

TEST_CASE("space of free slots goes back to the disk, at the end and between used ones") {
  const TemporaryDirectory directory;
  SlotFile file(directory.path(), {});
  const std::string bytes(slot_octets, 'x');
  for (std::uint32_t i = 0; i < 512; ++i) file.write(file.take(), bytes);
  file.sync();
  for (std::uint32_t i = 0; i < 512; ++i) {
    if (i != 100 && i != 200) file.free(Slot{i});
  }
  CHECK(file.spare() == 510);
  file.give_back(400);
  CHECK(file.spare() == 400);
  CHECK(slots_in(directory) == 402);
  file.give_back(50);
  CHECK(file.spare() == 50);
  CHECK(slots_in(directory) == 201);  // the used one at 200 is the last
  CHECK(space_of(directory) <= (50 + 2) * slot_octets + 65536);
  file.give_back(0);
  CHECK(file.spare() == 0);
  CHECK(space_of(directory) <= 2 * slot_octets + 65536);
  // Holes are slots like any other when they are needed again.
  CHECK(file.take() == Slot{0});
  file.write(Slot{0}, bytes);
  CHECK(slots_in(directory) == 201);
  file.free(Slot{0});
  CHECK(file.spare() == 1);
}

TEST_CASE("a short write fills its last page with zeros and leaves nothing of who was there") {
  const TemporaryDirectory directory;
  SlotFile file(directory.path(), {});
  file.write(file.take(), std::string(slot_octets, 'o'));
  file.write(Slot{0}, "new");
  const std::string all = bytes_of(directory.path()).at("cordon.slots");
  CHECK(all.substr(0, 4096) == "new" + std::string(4093, '\0'));
}

TEST_CASE("growth that no sync confirmed is taken back after a failed one, once it is free") {
  const TemporaryDirectory directory;
  SlotFile file(directory.path(), {});
  file.take();
  file.sync();
  for (int i = 0; i < 256; ++i) file.take();
  file.forget_unsynced_growth();
  CHECK(file.slots() == 512);  // 256 is still in use
  file.free(Slot{256});
  file.forget_unsynced_growth();
  CHECK(file.slots() == 256);
  CHECK(slots_in(directory) == 256);
}

}  // namespace
}  // namespace cordon::store
