// The writer thread: applies batches in the order of their submission, all that queued up while the
// last sync ran in one transaction (group commit, no timer), and answers them after the sync.
//
// A batch that contradicts the stored state fails alone: the group is rolled back and done again
// with a savepoint around each batch. Savepoints cost page copies, and such faults are rare. When
// there is no space, each batch is tried by itself, so that a small one may still find room.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "store/id_blocks.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace cordon::store {

class GroupWriter {
 public:
  // `db` must outlive the writer and is used by its thread alone until stop().
  explicit GroupWriter(Database& db);
  ~GroupWriter() { stop(); }
  GroupWriter(const GroupWriter&) = delete;
  GroupWriter& operator=(const GroupWriter&) = delete;

  void submit(Batch batch, Store::Done done);  // any thread
  void stop();                                 // after all that was submitted is answered
  IdBlocks& ids() { return ids_; }

  // Runs `work` while no transaction is open and none is begun.
  void between_transactions(const std::function<void()>& work);

 private:
  struct Entry {
    Batch batch;
    Store::Done done;
    std::size_t octets = 0;
    bool too_late = false;  // submitted when the store was closing
    Answer answer;
  };
  enum class Apart : bool { no, yes };  // a savepoint around each batch?

  void run();
  bool take_group(std::vector<Entry>& group);
  void write(std::span<Entry> group);
  void write_in_one_transaction(std::span<Entry> group, Apart apart);
  void apply_apart(Entry& entry);
  void apply_batch(Entry& entry);

  Database& db_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> queue_;
  bool stopping_ = false;
  bool writing_ = false;
  int pauses_ = 0;
  IdBlocks ids_;
  std::thread thread_;
};

}  // namespace cordon::store
