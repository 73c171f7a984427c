// Copies the write-ahead log into the database beside the writer, on a thread and connection of its
// own. Most of the log is copied while the writer goes on; only the last bit, with the writer
// paused between two transactions, so that the log starts over in the same, already allocated file.
// A long read holds this up; the log then grows until the read ends.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "store/group_writer.h"
#include "store/sqlite.h"

namespace cordon::store {

class Checkpointer {
 public:
  // Watches the commits of `writer_db`. Both must outlive it. `start_at` is a number of pages.
  Checkpointer(const std::string& path, Database& writer_db, GroupWriter& writer,
               std::int64_t start_at);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

 private:
  struct Progress {
    int in_log = 0;
    int copied = 0;
  };

  static int on_commit(void* self, sqlite3*, const char*, int pages);
  void run();
  bool wait_for_work();
  void checkpoint();
  sqlite3_file* database_file();
  std::int64_t pages_in_log();
  void sync_database();
  void distrust_copies() noexcept;
  Progress copy(int mode);

  Database db_;
  Database& writer_db_;
  GroupWriter& writer_;
  const std::int64_t start_at_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t pages_ = 0;  // in the log after the last commit
  std::int64_t wait_until_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace cordon::store
