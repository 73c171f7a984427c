#include "store/id_blocks.h"

#include <algorithm>

#include "store/upkeep_sql.h"

namespace cordon::store {
namespace {

// Messages come by the ten thousand a second, the others seldom.
constexpr std::array<std::int64_t, id_kinds> block_sizes{8192, 64, 64, 64, 1024, 1024};

}  // namespace

IdBlocks::IdBlocks(Database& db, std::function<void()> wake) : wake_(std::move(wake)) {
  Query marks = db.query(sql::id_marks);
  while (marks.step()) {
    const auto kind = marks.as<std::size_t>(0);
    if (kind >= id_kinds) continue;
    counters_[kind].next = marks.integer(1);
    counters_[kind].mark = marks.integer(1);
  }
}

bool IdBlocks::low(const Counter& counter, std::size_t kind) const {
  return counter.mark.load() - counter.next.load() < block_sizes[kind] / 2;
}

std::int64_t IdBlocks::take(IdKind kind) {
  const auto index = static_cast<std::size_t>(kind);
  Counter& counter = counters_[index];
  const std::int64_t id = counter.next.fetch_add(1);
  if (low(counter, index) && !wanted_.exchange(true)) wake_();
  if (id >= counter.mark.load()) wait_for(counter, id);
  return id;
}

void IdBlocks::wait_for(const Counter& counter, std::int64_t id) {
  if (std::this_thread::get_id() == writer_.load()) return;  // it would wait for itself
  std::unique_lock lock(mutex_);
  const std::uint64_t before = attempts_;
  // Two attempts: the first may have begun before this identifier was taken.
  attempted_.wait(lock, [&] {
    return closed_ || id < counter.mark.load() || attempts_ >= before + 2 ||
           (attempts_ > before && !wanted_.load());
  });
}

void IdBlocks::write_marks(Database& db) {
  wanted_ = false;
  for (std::size_t kind = 0; kind < id_kinds; ++kind) {
    Counter& counter = counters_[kind];
    counter.written = counter.mark.load();
    if (!low(counter, kind)) continue;
    counter.written = std::max(counter.written, counter.next.load()) + block_sizes[kind];
    db.query(sql::set_id_mark).with(kind, counter.written).run();
  }
}

void IdBlocks::committed() {
  for (Counter& counter : counters_) counter.mark = counter.written;
  end_attempt();
}

void IdBlocks::failed() { end_attempt(); }

void IdBlocks::end_attempt() {
  const std::lock_guard lock(mutex_);
  ++attempts_;
  attempted_.notify_all();
}

void IdBlocks::close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  attempted_.notify_all();
}

void IdBlocks::give_back(Database& db) {
  for (std::size_t kind = 0; kind < id_kinds; ++kind) {
    db.query(sql::set_id_mark).with(kind, counters_[kind].next.load()).run();
  }
}

}  // namespace cordon::store
