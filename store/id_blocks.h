// Fresh identifiers from memory, backed by a durable mark. Taking one never waits.
//
// Every transaction first raises the mark over all identifiers given out so far, in blocks so that
// it seldom has to. So nothing is ever stored under an identifier that the mark does not cover, and
// none comes back. An identifier under which nothing was stored may be given out again after a
// crash.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "store/sqlite.h"

namespace cordon::store {

enum class IdKind : std::uint8_t { message, origin, alert, cordon, warning, bait };
inline constexpr std::size_t id_kinds = 6;

class IdBlocks {
 public:
  explicit IdBlocks(Database& db);

  std::int64_t take(IdKind kind) {  // any thread
    return counters_[static_cast<std::size_t>(kind)].next.fetch_add(1);
  }

  // The writer's part, all on the writer thread.
  void write_marks(Database& db);  // within a transaction, before its commands
  void committed();
  void give_back(Database& db);  // at a clean close: what was not taken may be taken again

 private:
  struct Counter {
    std::atomic<std::int64_t> next{1};
    std::int64_t mark = 1;     // all below it are covered
    std::int64_t written = 1;  // the mark of the open transaction
  };
  std::array<Counter, id_kinds> counters_;
};

}  // namespace cordon::store
