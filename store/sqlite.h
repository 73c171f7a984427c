// A thin RAII layer over the SQLite C interface: connections with a cache of prepared statements,
// and one use of a statement as a scope. Failures are SqliteError; the rooms above turn them into
// values at their own border. A Database belongs to one thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>

#include <sqlite3.h>

namespace cordon::store {

class SqliteError : public std::runtime_error {
 public:
  SqliteError(sqlite3* db, int code);
  SqliteError(int code, const std::string& what) : std::runtime_error(what), code_(code) {}

  int code() const { return code_; }           // primary result code
  bool no_space() const { return no_space_; }  // the device or a quota is full
  bool constraint() const { return code_ == SQLITE_CONSTRAINT; }

 private:
  int code_ = 0;
  bool no_space_ = false;
};

// One use of a prepared statement: bind, step, read columns; reset at the end of the scope. Text
// and blobs are bound without a copy, so they must outlive the scope.
class Query {
 public:
  explicit Query(sqlite3_stmt* statement) : statement_(statement) {}
  ~Query() { sqlite3_reset(statement_); }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  // Binds ?1, ?2, ... in order.
  template <typename... Values>
  Query& with(const Values&... values) {
    int index = 0;
    (bind(++index, values), ...);
    return *this;
  }

  bool step();  // true: a row is there
  void run() {
    while (step()) {
    }
  }  // for statements whose rows do not matter

  bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  bool flag(int column) const { return integer(column) != 0; }
  // Valid until the next step.
  std::string_view text(int column) const;
  std::string string(int column) const { return std::string(text(column)); }
  template <typename T>
  T as(int column) const {
    return read(column, std::type_identity<T>{});
  }

 private:
  template <typename T>
  void bind(int index, const T& value) {
    if constexpr (std::is_enum_v<T> || std::is_integral_v<T>) {
      bind_integer(index, static_cast<std::int64_t>(value));
    } else {
      bind_text(index, value);
    }
  }
  template <typename Clock, typename Duration>
  void bind(int index, const std::chrono::time_point<Clock, Duration>& value) {
    bind_integer(index, value.time_since_epoch().count());
  }
  template <typename T>
  void bind(int index, const std::optional<T>& value) {
    if (value) {
      bind(index, *value);
    } else {
      bind_null(index);
    }
  }
  void bind(int index, std::span<const std::uint8_t> value);
  template <std::size_t N>
  void bind(int index, const std::array<std::uint8_t, N>& value) {
    bind(index, std::span<const std::uint8_t>(value));
  }

  template <typename T>
  T read(int column, std::type_identity<T>) const {
    return static_cast<T>(integer(column));
  }
  template <typename Clock, typename Duration>
  auto read(int column, std::type_identity<std::chrono::time_point<Clock, Duration>>) const {
    return std::chrono::time_point<Clock, Duration>(Duration(integer(column)));
  }
  template <typename T>
  std::optional<T> read(int column, std::type_identity<std::optional<T>>) const {
    if (is_null(column)) return std::nullopt;
    return read(column, std::type_identity<T>{});
  }

  void bind_integer(int index, std::int64_t value);
  void bind_text(int index, std::string_view value);
  void bind_null(int index);
  void check(int code) const;

  sqlite3_stmt* statement_;
};

// Bytes to be bound as a blob.
inline std::span<const std::uint8_t> as_blob(std::string_view bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

class Database {
 public:
  // `flags` and `vfs` as of sqlite3_open_v2.
  Database(const std::string& path, int flags, const char* vfs = nullptr);

  // Runs statements that are executed once; SQL text may hold several.
  void execute(const char* sql);
  // `sql` must live as long as the connection: it is the key of the statement cache.
  Query query(const char* sql);
  // The value of a statement that gives one integer, such as a PRAGMA.
  std::int64_t value(const char* sql);

  int changes() const { return sqlite3_changes(handle_.get()); }
  bool in_transaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }
  // If a transaction is open. It may stay open for want of memory; the next Transaction sees to it.
  void rollback() noexcept;
  sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };

  std::unique_ptr<sqlite3, Close> handle_;
  std::unordered_map<const char*, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
};

// A transaction: rolled back at the end of the scope unless committed.
class Transaction {
 public:
  enum class Kind : bool { read, write };
  Transaction(Database& db, Kind kind);
  ~Transaction() { db_.rollback(); }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void commit();

 private:
  Database& db_;
};

}  // namespace cordon::store
