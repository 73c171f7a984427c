#include "store/id_blocks.h"

#include "store/upkeep_sql.h"

namespace cordon::store {
namespace {

// Messages come by the ten thousand a second, the others seldom.
constexpr std::array<std::int64_t, id_kinds> block_sizes{8192, 64, 64, 64, 1024, 1024};

}  // namespace

IdBlocks::IdBlocks(Database& db) {
  Query marks = db.query(sql::id_marks);
  while (marks.step()) {
    const auto kind = marks.as<std::size_t>(0);
    if (kind >= id_kinds) continue;
    counters_[kind].next = marks.integer(1);
    counters_[kind].mark = marks.integer(1);
  }
}

void IdBlocks::write_marks(Database& db) {
  for (std::size_t kind = 0; kind < id_kinds; ++kind) {
    Counter& counter = counters_[kind];
    counter.written = counter.mark;
    const std::int64_t next = counter.next.load();
    if (next <= counter.mark) continue;
    counter.written = next + block_sizes[kind];
    db.query(sql::set_id_mark).with(kind, counter.written).run();
  }
}

void IdBlocks::committed() {
  for (Counter& counter : counters_) counter.mark = counter.written;
}

void IdBlocks::give_back(Database& db) {
  for (std::size_t kind = 0; kind < id_kinds; ++kind) {
    db.query(sql::set_id_mark).with(kind, counters_[kind].next.load()).run();
  }
}

}  // namespace cordon::store
