#include "store/opening.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/log_gather.h"
#include "store/migrations.h"
#include "store/sqlite_store.h"

namespace cordon::store {
namespace {

namespace fs = std::filesystem;

constexpr int header_octets = 100;  // https://www.sqlite.org/fileformat2.html, 1.3
constexpr std::string_view magic{"SQLite format 3\0", 16};

std::string system_words() { return std::generic_category().message(errno); }

[[noreturn]] void refuse(const fs::path& file, const std::string& why) {
  throw OpenError(file.string() + ": " + why);
}

std::uint32_t big_endian(const unsigned char* bytes) {
  return (std::uint32_t{bytes[0]} << 24U) | (std::uint32_t{bytes[1]} << 16U) |
         (std::uint32_t{bytes[2]} << 8U) | std::uint32_t{bytes[3]};
}

std::string newer_version(std::int64_t version) {
  return "made by a newer Cordon (schema version " + std::to_string(version) + ", this one knows " +
         std::to_string(newest_version()) + ")";
}

void check_header(const fs::path& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) refuse(path, "cannot be read: " + system_words());
  std::array<unsigned char, header_octets> header{};
  if (::pread(file.descriptor(), header.data(), header.size(), 0) != header_octets) {
    refuse(path, "damaged: shorter than a database header");
  }
  if (std::memcmp(header.data(), magic.data(), magic.size()) != 0) {
    refuse(path, "is no SQLite database, or its header is damaged");
  }
  if (big_endian(&header[68]) != static_cast<std::uint32_t>(application_id)) {
    refuse(path, "is a database of another application");
  }
  const std::uint32_t version = big_endian(&header[60]);
  if (version > static_cast<std::uint32_t>(newest_version())) refuse(path, newer_version(version));
  if (version == 0) refuse(path, "damaged: no schema version");
}

std::map<std::string, std::string> schema_of(Database& db) {
  std::map<std::string, std::string> schema;
  Query objects =
      db.query("SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'");
  while (objects.step()) schema[objects.string(0)] = objects.string(1);
  return schema;
}

void check_schema(Database& db, const fs::path& path, int version) {
  Database expected(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  migrate(expected, version);
  if (schema_of(db) != schema_of(expected)) {
    refuse(path, "damaged: its tables are not those of schema version " + std::to_string(version));
  }
}

void check_pages(Database& db, const fs::path& path, const char* pragma) {
  Query check = db.query(pragma);
  if (check.step() && check.text(0) != "ok") refuse(path, "damaged: " + check.string(0));
}

void check_contents(Database& db, const fs::path& path, std::uint64_t full_check_octets) {
  const std::int64_t version = db.value("PRAGMA user_version");
  if (version > newest_version()) refuse(path, newer_version(version));
  if (version < 1) refuse(path, "damaged: no schema version");
  check_schema(db, path, static_cast<int>(version));
  const auto octets = db.value("PRAGMA page_count") * db.value("PRAGMA page_size");
  if (static_cast<std::uint64_t>(octets) <= full_check_octets) {
    check_pages(db, path, "PRAGMA quick_check(1)");
  } else {
    for (const char* pragma : {"PRAGMA quick_check(gateway)", "PRAGMA quick_check(id_mark)",
                               "PRAGMA quick_check(origin)", "PRAGMA quick_check(identifier)",
                               "PRAGMA quick_check(alert)", "PRAGMA quick_check(cordon)",
                               "PRAGMA quick_check(warning)"}) {
      check_pages(db, path, pragma);
    }
  }
  if (db.value("SELECT count(*) FROM gateway") != 1 ||
      db.value("SELECT count(*) FROM id_mark") != 6) {
    refuse(path, "damaged: the gateway's own rows are missing");
  }
}

std::uint64_t size_of_slot_file(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error == std::errc::no_such_file_or_directory) return 0;
  if (error) refuse(path, "cannot be read: " + error.message());
  return size;
}

void read_slots(Database& db, const fs::path& directory, SlotSet& used) {
  if (db.value("PRAGMA user_version") < 2) return;  // there were none yet
  const std::uint64_t slots = size_of_slot_file(directory / slots_name) / max_body_piece;
  Query row = db.query("SELECT id >> 16, slot, octets FROM body_slot");
  while (row.step()) {
    const std::string whose = "the content of message " + std::to_string(row.integer(0));
    const auto slot = row.as<std::uint64_t>(1);
    if (slot >= slots) refuse(directory / slots_name, "damaged: too short for " + whose);
    if (row.as<std::uint64_t>(2) > max_body_piece || !used.add(row.as<Slot>(1))) {
      refuse(directory / database_name, "damaged: " + whose + " is in no slot of its own");
    }
  }
}

// Made under another name and renamed, so that a database under its own name is always whole.
void make_database(const fs::path& directory, const fs::path& path) {
  const fs::path unfinished = directory / "cordon.db.new";
  std::error_code ignored;
  fs::remove(unfinished, ignored);
  fs::remove(unfinished.string() + "-journal", ignored);
  // Mail is nobody else's business; SQLite gives its other files the mode of this one.
  const File file(::open(unfinished.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.is_open()) refuse(directory, "not writable: " + system_words());
  {
    Database db(unfinished, SQLITE_OPEN_READWRITE);
    db.execute("PRAGMA page_size = 4096");
    db.execute(("PRAGMA application_id = " + std::to_string(application_id)).c_str());
    migrate(db, newest_version());
    db.execute("PRAGMA journal_mode = WAL");
  }
  if (::fsync(file.descriptor()) != 0) refuse(unfinished, "cannot be synced: " + system_words());
  fs::rename(unfinished, path);
  sync_directory(directory);
}

std::string holder(int lock) {
  std::array<char, 32> text{};
  const auto octets = ::pread(lock, text.data(), text.size() - 1, 0);
  std::string pid(text.data(), octets > 0 ? static_cast<std::size_t>(octets) : 0);
  pid.erase(std::find(pid.begin(), pid.end(), '\n'), pid.end());
  return pid.empty() ? "another process" : "process " + pid;
}

void set_up(Database& db) {
  // Bodies are deleted soon after they were written: overwriting them would double the writes.
  db.execute(
      "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
      "PRAGMA secure_delete = OFF; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;"
      "PRAGMA foreign_keys = OFF");
}

}  // namespace

File take_directory(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) refuse(directory, "cannot be made: " + error.message());
  if (!fs::is_directory(directory, error)) refuse(directory, "is no directory");
  const fs::path path = directory / lock_name;
  File lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.is_open()) refuse(directory, "not writable: " + system_words());
  if (::flock(lock.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) refuse(path, "cannot be locked: " + system_words());
    refuse(directory, "in use by " + holder(lock.descriptor()));
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  // Only for people to read: a full disk must not keep the gateway from starting.
  if (::ftruncate(lock.descriptor(), 0) == 0) {
    [[maybe_unused]] const auto octets = ::pwrite(lock.descriptor(), pid.data(), pid.size(), 0);
  }
  return lock;
}

Database open_database(const fs::path& directory, std::uint64_t full_check_octets, SlotSet& used) {
  const fs::path path = directory / database_name;
  std::error_code error;
  try {
    if (!fs::exists(path, error)) {
      if (error) refuse(path, error.message());
      make_database(directory, path);
    }
    check_header(path);
    Database db(path, SQLITE_OPEN_READWRITE, gathering_vfs());
    // Until all is checked, closing must not copy the log into the database either.
    sqlite3_db_config(db.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    check_contents(db, path, full_check_octets);
    read_slots(db, directory, used);
    if (sqlite3_db_readonly(db.handle(), "main") == 1) refuse(path, "not writable");
    sqlite3_db_config(db.handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
    set_up(db);
    migrate(db, newest_version());
    // The log has its name since the first read. SQLite syncs the directory as well, with the first
    // sync of the log, but passes over a failure of that (os_unix.c, unixSync).
    sync_directory(directory);
    return db;
  } catch (const SqliteError& failure) {
    const bool damaged = failure.code() == SQLITE_CORRUPT || failure.code() == SQLITE_NOTADB;
    refuse(path, (damaged ? "damaged: " : "cannot be opened: ") + std::string(failure.what()));
  } catch (const fs::filesystem_error& failure) {
    refuse(path, failure.what());
  }
}

}  // namespace cordon::store
