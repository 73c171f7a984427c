#include "store/checkpointer.h"

#include <atomic>
#include <new>

namespace cordon::store {
namespace {

// Passes beside the writer, each over what came during the one before, until the rest is small
// enough to be copied while the writer is paused. Under full load a pass leaves two thirds or more
// of what the one before left. A log of `large` times the size at which copying starts is not let
// grow further for the sake of a short pause; nor does it keep that size.
constexpr int max_passes = 12;
constexpr std::int64_t small_rest = 256;  // pages
constexpr int large = 8;

Database connect(const std::string& path) {
  Database db(path, SQLITE_OPEN_READWRITE);
  db.execute("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0");
  sqlite3_busy_timeout(db.handle(), 0);  // no checkpoint waits for a reader while the writer waits
  return db;
}

}  // namespace

Checkpointer::Checkpointer(const std::string& path, Database& writer_db, GroupWriter& writer,
                           std::int64_t start_at)
    : db_(connect(path)),
      writer_db_(writer_db),
      writer_(writer),
      start_at_(start_at),
      wait_until_(start_at),
      thread_([this] { run(); }) {
  writer_.between_transactions(
      [this] { sqlite3_wal_hook(writer_db_.handle(), &Checkpointer::on_commit, this); });
}

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
  writer_.between_transactions([this] { sqlite3_wal_hook(writer_db_.handle(), nullptr, nullptr); });
}

int Checkpointer::on_commit(void* self, sqlite3*, const char*, int pages) {
  auto& me = *static_cast<Checkpointer*>(self);
  const std::lock_guard lock(me.mutex_);
  if (pages < me.pages_) me.wait_until_ = me.start_at_;  // the log has started over
  me.pages_ = pages;
  if (me.pages_ >= me.wait_until_) me.changed_.notify_all();
  return SQLITE_OK;
}

void Checkpointer::run() {
  while (wait_for_work()) checkpoint();
}

bool Checkpointer::wait_for_work() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopping_ || pages_ >= wait_until_; });
  return !stopping_;
}

void Checkpointer::checkpoint() {
  Progress progress;
  try {
    for (int pass = 0; pass < max_passes; ++pass) {
      progress = copy(SQLITE_CHECKPOINT_PASSIVE);
      sync_database();
      const std::int64_t pages = pages_in_log();
      if (pages - progress.copied <= small_rest || pages > large * start_at_) break;
    }
    writer_.between_transactions([&] {
      progress = copy(SQLITE_CHECKPOINT_PASSIVE);
      const bool all = progress.copied == progress.in_log;  // nothing is written meanwhile
      if (all && progress.in_log > large * start_at_) {
        copy(SQLITE_CHECKPOINT_TRUNCATE);
      }
    });
  } catch (const SqliteError&) {
    // A full or failing disk: the log keeps all, and the next commits bring another try.
    distrust_copies();
  } catch (const std::bad_alloc&) {
    distrust_copies();
  }
  // Either way the log has to grow by a part of itself before it is worth another look.
  const std::lock_guard lock(mutex_);
  wait_until_ = pages_ + start_at_;
}

// SQLite tells how long the log was when the pass began; the writer has gone on since.
std::int64_t Checkpointer::pages_in_log() {
  const std::lock_guard lock(mutex_);
  return pages_;
}

// SQLite syncs the database only when it has copied the whole log, so only in the pass for which
// the writer waits (wal.c, walCheckpoint). What was copied before is brought to the disk here.
void Checkpointer::sync_database() {
  sqlite3_file* file = database_file();
  if (file == nullptr) return;
  const int code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL | SQLITE_SYNC_DATAONLY);
  if (code != SQLITE_OK) throw SqliteError(db_.handle(), code);
}

// SQLite counts as copied (nBackfill) what a pass wrote and no sync confirmed yet. After a sync
// that failed the system may have dropped just that, and the next sync would not tell. So the count
// goes back to zero, as it does at recovery, and the whole log is copied again. It is the 32-bit
// word at offset 96 of the log's index (https://www.sqlite.org/walformat.html, 2.1); only
// checkpoints write it, and readers that see it lower take from the log what they took from the
// database.
void Checkpointer::distrust_copies() noexcept {
  constexpr int region = 32768;
  constexpr std::size_t copied_at = 96;
  sqlite3_file* file = database_file();
  void volatile* index = nullptr;
  if (file == nullptr || file->pMethods->iVersion < 2 ||
      file->pMethods->xShmMap(file, 0, region, 0, &index) != SQLITE_OK || index == nullptr) {
    return;
  }
  auto* const copied =
      reinterpret_cast<std::uint32_t*>(static_cast<char*>(const_cast<void*>(index)) + copied_at);
  std::atomic_ref(*copied).store(0);
}

sqlite3_file* Checkpointer::database_file() {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(db_.handle(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  return file != nullptr && file->pMethods != nullptr ? file : nullptr;
}

Checkpointer::Progress Checkpointer::copy(int mode) {
  Progress progress;
  const int code =
      sqlite3_wal_checkpoint_v2(db_.handle(), nullptr, mode, &progress.in_log, &progress.copied);
  // BUSY: a reader stands in the way; what could be copied was.
  if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) throw SqliteError(db_.handle(), code);
  return progress;
}

}  // namespace cordon::store
