#include "store/sqlite.h"

#include <cerrno>

namespace cordon::store {

SqliteError::SqliteError(sqlite3* db, int code)
    : std::runtime_error(db != nullptr ? sqlite3_errmsg(db) : sqlite3_errstr(code)),
      code_(code & 0xff) {
  no_space_ = code_ == SQLITE_FULL;
  if (code_ == SQLITE_IOERR && db != nullptr) {
    // SQLite itself tells only ENOSPC on write as full, and forgets the system's error at COMMIT.
    const int told = sqlite3_system_errno(db);
    const int os = told != 0 ? told : errno;
    no_space_ = os == ENOSPC || os == EDQUOT || os == EFBIG;
  }
}

bool Query::step() {
  errno = 0;  // read by SqliteError
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  throw SqliteError(sqlite3_db_handle(statement_), code);
}

std::string_view Query::text(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data),
          static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Query::bind(int index, std::span<const std::uint8_t> value) {
  // A null pointer would bind NULL instead of an empty blob.
  const void* data = value.empty() ? static_cast<const void*>("") : value.data();
  check(sqlite3_bind_blob64(statement_, index, data, value.size(), SQLITE_STATIC));
}

void Query::bind_integer(int index, std::int64_t value) {
  check(sqlite3_bind_int64(statement_, index, value));
}

void Query::bind_text(int index, std::string_view value) {
  const char* data = value.empty() ? "" : value.data();
  check(sqlite3_bind_text64(statement_, index, data, value.size(), SQLITE_STATIC, SQLITE_UTF8));
}

void Query::bind_null(int index) { check(sqlite3_bind_null(statement_, index)); }

void Query::check(int code) const {
  if (code != SQLITE_OK) throw SqliteError(sqlite3_db_handle(statement_), code);
}

namespace {
// Compiled when the database is opened: when it is wanted there may be no memory for that.
constexpr const char* sql_rollback = "ROLLBACK";
}  // namespace

Database::Database(const std::string& path, int flags, const char* vfs) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, vfs);
  handle_.reset(raw);
  if (code != SQLITE_OK) throw SqliteError(raw, code);
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, 10'000);
  query(sql_rollback);
}

void Database::execute(const char* sql) {
  const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) throw SqliteError(handle_.get(), code);
}

Query Database::query(const char* sql) {
  auto& statement = statements_[sql];
  if (!statement) {
    sqlite3_stmt* raw = nullptr;
    const int code =
        sqlite3_prepare_v3(handle_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr);
    if (code != SQLITE_OK) throw SqliteError(handle_.get(), code);
    statement.reset(raw);
  }
  return Query(statement.get());
}

std::int64_t Database::value(const char* sql) {
  Query query = this->query(sql);
  return query.step() ? query.integer(0) : 0;
}

void Database::rollback() noexcept {
  if (!in_transaction()) return;
  try {
    query(sql_rollback).run();
  } catch (const std::exception&) {
    // The next transaction tries again.
  }
}

Transaction::Transaction(Database& db, Kind kind) : db_(db) {
  db_.rollback();  // of one that could not be
  db_.query(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN").run();
}

void Transaction::commit() { db_.query("COMMIT").run(); }

}  // namespace cordon::store
