// The embedded engine: one SQLite database in a directory of its own, one process at a time.
//
// WAL with synchronous=FULL: what was answered survives kill -9 and power loss. While it is open
// the directory has cordon.db, its -wal and -shm, cordon.slots (content of large messages),
// cordon.lock (flock; names the holder) and cordon.reserve. cordon.db and cordon.slots belong
// together: neither is a backup without the other. Readers throw std::runtime_error when the
// database cannot be read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "store/file.h"
#include "store/store.h"

namespace cordon::store {

struct SqliteOptions {
  std::filesystem::path directory;                        // made if missing
  std::uint64_t reserve_octets = 8ull * 1024 * 1024;      // space kept back for alerts
  std::uint64_t full_check_octets = 64ull * 1024 * 1024;  // larger databases: opening.h
  std::uint32_t checkpoint_pages = 4096;                  // of log, 4 KiB each, before it is copied
  // Longer content goes to cordon.slots. Measured with store_bench --inline: alone with the disk
  // rows are twice as fast up to here, and among a hundred slots from 32 KiB on; and less would
  // leave slots more than half empty.
  std::size_t inline_max = std::size_t{32} * 1024;
  std::uint32_t max_pages = 0;  // of the database; 0: no limit
};

// Throws OpenError; nothing in the database was changed then.
std::unique_ptr<Store> open_sqlite_store(const SqliteOptions& options);

}  // namespace cordon::store
