// Fresh identifiers from memory, backed by a durable mark above everything given out. The writer
// moves the mark a block ahead within transactions that it commits anyway, so taking an identifier
// waits only when a whole block was used up between two commits.
//
// Every transaction first raises the mark over all identifiers given out, so what is stored under
// an identifier is never without it: even if the block itself could not be reserved (a full disk),
// no identifier that anything was stored under comes back.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

#include "store/sqlite.h"

namespace cordon::store {

enum class IdKind : std::uint8_t { message, origin, alert, cordon, warning, bait };
inline constexpr std::size_t id_kinds = 6;

class IdBlocks {
 public:
  // `wake` asks the writer for a transaction; called from the thread that takes.
  IdBlocks(Database& db, std::function<void()> wake);

  std::int64_t take(IdKind kind);  // any thread

  // The writer's part; all on the writer thread but wanted().
  void writer_is(std::thread::id id) { writer_ = id; }
  bool wanted() const { return wanted_.load(); }
  void write_marks(Database& db);  // within a transaction
  void committed();
  void failed();
  void close();                  // no one waits any more
  void give_back(Database& db);  // at a clean close: what was not taken may be taken again

 private:
  struct Counter {
    std::atomic<std::int64_t> next{1};
    std::atomic<std::int64_t> mark{1};
    std::int64_t written = 1;  // the mark of the open transaction
  };
  bool low(const Counter& counter, std::size_t kind) const;
  void wait_for(const Counter& counter, std::int64_t id);
  void end_attempt();

  std::array<Counter, id_kinds> counters_;
  std::function<void()> wake_;
  std::atomic<bool> wanted_{true};
  std::atomic<std::thread::id> writer_;
  std::mutex mutex_;
  std::condition_variable attempted_;
  std::uint64_t attempts_ = 0;
  bool closed_ = false;
};

}  // namespace cordon::store
