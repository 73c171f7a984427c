#include "store/log_gather.h"

#include <cstring>
#include <new>
#include <stdexcept>
#include <vector>

#include <sqlite3.h>

namespace cordon::store {
namespace {

// SQLite's own unix VFS cuts the length of a write down to 17 bits (os_unix.c, seekAndWriteFd).
constexpr std::size_t most_gathered = std::size_t{124} * 1024;

sqlite3_vfs* system_vfs = nullptr;

// SQLite allocates this, with the system's own file behind it.
struct LogFile {
  sqlite3_file base;
  std::vector<char>* held;  // in one piece, from `begin` on
  sqlite3_int64 begin;

  sqlite3_file* system() { return reinterpret_cast<sqlite3_file*>(this + 1); }

  int flush() {
    if (held->empty()) return SQLITE_OK;
    sqlite3_file* file = system();
    const int code =
        file->pMethods->xWrite(file, held->data(), static_cast<int>(held->size()), begin);
    held->clear();  // after a failure too: SQLite writes anew what it still wants
    return code;
  }
};

LogFile& of(sqlite3_file* file) { return *reinterpret_cast<LogFile*>(file); }

int close(sqlite3_file* file) {
  LogFile& log = of(file);
  const int flushed = log.flush();
  delete log.held;
  const int closed = log.system()->pMethods->xClose(log.system());
  return closed != SQLITE_OK ? closed : flushed;
}

int write(sqlite3_file* file, const void* bytes, int octets, sqlite3_int64 offset) {
  LogFile& log = of(file);
  const auto size = static_cast<std::size_t>(octets);
  const bool follows = offset == log.begin + static_cast<sqlite3_int64>(log.held->size());
  if (!follows || log.held->size() + size > most_gathered) {
    const int code = log.flush();
    if (code != SQLITE_OK) return code;
    log.begin = offset;
  }
  if (size > most_gathered) {
    return log.system()->pMethods->xWrite(log.system(), bytes, octets, offset);
  }
  const auto* first = static_cast<const char*>(bytes);
  log.held->insert(log.held->end(), first, first + octets);  // within its capacity
  return SQLITE_OK;
}

// All else sees the file as if nothing had been held back.
template <auto method, typename... Arguments>
int after_flush(sqlite3_file* file, Arguments... arguments) {
  const int code = of(file).flush();
  if (code != SQLITE_OK) return code;
  sqlite3_file* system = of(file).system();
  return (system->pMethods->*method)(system, arguments...);
}
template <auto method, typename... Arguments>
int passed_on(sqlite3_file* file, Arguments... arguments) {
  sqlite3_file* system = of(file).system();
  return (system->pMethods->*method)(system, arguments...);
}

using Methods = sqlite3_io_methods;

// Version 1: shared memory and mapping are asked of the database, never of its log.
constexpr Methods log_methods{
    1,
    close,
    after_flush<&Methods::xRead, void*, int, sqlite3_int64>,
    write,
    after_flush<&Methods::xTruncate, sqlite3_int64>,
    after_flush<&Methods::xSync, int>,
    after_flush<&Methods::xFileSize, sqlite3_int64*>,
    passed_on<&Methods::xLock, int>,
    passed_on<&Methods::xUnlock, int>,
    passed_on<&Methods::xCheckReservedLock, int*>,
    passed_on<&Methods::xFileControl, int, void*>,
    passed_on<&Methods::xSectorSize>,
    passed_on<&Methods::xDeviceCharacteristics>,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
};

int open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  if ((flags & SQLITE_OPEN_WAL) == 0) {
    return system_vfs->xOpen(system_vfs, name, file, flags, out_flags);
  }
  LogFile& log = of(file);
  log.base.pMethods = nullptr;  // nothing to close, unless all goes well
  const int code = system_vfs->xOpen(system_vfs, name, log.system(), flags, out_flags);
  if (code != SQLITE_OK) return code;
  log.begin = 0;
  log.held = new (std::nothrow) std::vector<char>;
  try {
    if (log.held != nullptr) log.held->reserve(most_gathered);
  } catch (const std::bad_alloc&) {
    delete log.held;
    log.held = nullptr;
  }
  if (log.held == nullptr) {
    log.system()->pMethods->xClose(log.system());
    return SQLITE_NOMEM;
  }
  log.base.pMethods = &log_methods;
  return SQLITE_OK;
}

}  // namespace

const char* gathering_vfs() {
  static sqlite3_vfs vfs;
  static const int registered = [] {
    system_vfs = sqlite3_vfs_find(nullptr);
    if (system_vfs == nullptr) return SQLITE_ERROR;
    vfs = *system_vfs;  // all but opening is the system's
    vfs.zName = "cordon-gathering";
    vfs.pNext = nullptr;
    vfs.szOsFile += static_cast<int>(sizeof(LogFile));
    vfs.xOpen = open;
    return sqlite3_vfs_register(&vfs, 0);
  }();
  if (registered != SQLITE_OK) throw std::runtime_error("SQLite took no VFS");
  return vfs.zName;
}

}  // namespace cordon::store
