// The writer thread: applies batches in the order of their submission, all that queued up while the
// last sync ran in one transaction (group commit, no timer), and answers them after the sync.
//
// A batch that contradicts the stored state fails alone: the group is rolled back and done again
// with a savepoint around each batch. Savepoints cost page copies, and such faults are rare. When
// there is no space, each batch is tried by itself, so that a small one may still find room.
// Without memory the group is answered with StoreError::io, and the writer goes on.
//
// After a failed commit SQLite does what a failed sync asks for: the log's end stays where the last
// good commit put it, and the next commit writes all its frames anew from there on (wal.c:
// sqlite3WalUndo, sqlite3WalFrames), so nothing relies on pages that the system may have dropped.
// But until then the failed frames may be on the disk whole, and a crash would bring them back. So
// slots that they name are not given back before a later commit has written over them.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "store/commands.h"
#include "store/content_queue.h"
#include "store/id_blocks.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace cordon::store {

class GroupWriter {
 public:
  // Takes slots that are free now, on the writer thread.
  using Release = std::function<void(std::vector<Slot>&)>;

  // `db` must outlive the writer and is used by its thread alone until stop().
  explicit GroupWriter(Database& db);
  ~GroupWriter() { stop(); }
  GroupWriter(const GroupWriter&) = delete;
  GroupWriter& operator=(const GroupWriter&) = delete;

  void on_release(Release release) { release_ = std::move(release); }  // before any submission

  void submit(Batch batch, Store::Done done);  // any thread
  // A batch whose content for slots is synced; it also comes in time after close(). Takes the job's
  // batch, done and placed; if it throws, the job is as it was.
  void submit_placed(ContentJob& job);
  void close();  // what is submitted from now on is answered with StoreError::closed
  void stop();   // after all that was submitted is answered
  IdBlocks& ids() { return ids_; }

  // Runs `work` while no transaction is open and none is begun.
  void between_transactions(const std::function<void()>& work);

 private:
  struct Entry {
    Batch batch;
    Store::Done done;
    std::size_t octets = 0;
    bool too_late = false;  // submitted when the store was closing
    Effects effects;
  };
  using Entries = std::list<Entry>;     // moved about without allocation
  enum class Apart : bool { no, yes };  // a savepoint around each batch?

  void add(Entries& entry);
  void run();
  bool take_group(Entries& group);
  void write(Entries& group);
  void write_each(Entries& group);
  void write_in_one_transaction(Entries& group, Apart apart);
  void apply_apart(Entry& entry);
  void apply_batch(Entry& entry);
  void answer_all(Entries& group, const Answer& answer) noexcept;
  void keep_in_doubt(Entry& entry) noexcept;
  void release_slots(const Entries& group) noexcept;

  Database& db_;
  Release release_;
  std::vector<Slot> in_doubt_;  // of batches that were not written
  std::mutex mutex_;
  std::condition_variable changed_;
  Entries queue_;
  bool closing_ = false;
  bool stopping_ = false;
  bool writing_ = false;
  int pauses_ = 0;
  IdBlocks ids_;
  std::thread thread_;
};

// "out of memory", made without any.
Answer out_of_memory();

}  // namespace cordon::store
