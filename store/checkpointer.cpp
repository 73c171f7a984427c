#include "store/checkpointer.h"

namespace cordon::store {
namespace {

constexpr int max_passes = 4;    // beside the writer, each over what came during the one before
constexpr int small_rest = 512;  // pages that may be copied while the writer is paused
constexpr int truncate_factor = 8;

Database connect(const std::string& path) {
  Database db(path, SQLITE_OPEN_READWRITE);
  db.execute("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0");
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
  writer_.between_transactions([this] {
    sqlite3_wal_hook(writer_db_.handle(), nullptr, nullptr);
    if (!log_is_needed_) return;
    sqlite3_db_config(writer_db_.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  });
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
  changed_.wait(lock, [this] { return stopping_ || (!log_is_needed_ && pages_ >= wait_until_); });
  return !stopping_;
}

void Checkpointer::checkpoint() {
  Progress progress;
  // A full or failing disk: the log keeps all, and the next commits bring another try.
  const auto unless_it_fails = [](const auto& work) {
    try {
      work();
    } catch (const SqliteError&) {
    }
  };
  unless_it_fails([&] {
    for (int pass = 0; pass < max_passes; ++pass) {
      progress = copy(SQLITE_CHECKPOINT_PASSIVE);
      if (progress.left() <= small_rest) break;
    }
  });
  writer_.between_transactions([&] {
    if (log_is_needed_) return;
    unless_it_fails([&] {
      progress = copy(SQLITE_CHECKPOINT_PASSIVE);
      if (progress.left() == 0 && progress.in_log > truncate_factor * start_at_) {
        copy(SQLITE_CHECKPOINT_TRUNCATE);
      }
    });
  });
  // Either way the log has to grow by a part of itself before it is worth another look.
  const std::lock_guard lock(mutex_);
  wait_until_ = pages_ + start_at_;
}

Checkpointer::Progress Checkpointer::copy(int mode) {
  Progress progress;
  const int code =
      sqlite3_wal_checkpoint_v2(db_.handle(), nullptr, mode, &progress.in_log, &progress.copied);
  // BUSY: a reader stands in the way; what could be copied was.
  // What a pass over a part of the log copied is synced only by a later pass over the rest, which
  // does not copy it again (wal.c, walCheckpoint). If that sync fails the pages may be gone while
  // the next sync succeeds (fsync(2)); then only the log has them. It grows until the next open,
  // which copies all of it anew.
  if (code == SQLITE_IOERR_FSYNC) log_is_needed_ = true;
  if (code != SQLITE_OK && (code & 0xff) != SQLITE_BUSY) throw SqliteError(db_.handle(), code);
  return progress;
}

}  // namespace cordon::store
