// Sees every write, size change, sync, creation, rename and unlink that this program makes in one
// directory, writes them down, and can make them fail.
//
// It works at the level of libc: disk_recorder.cpp defines open, pwrite, fdatasync and the like,
// and an executable's definitions win over those of the shared libraries (ld.so(8), symbol lookup),
// so that SQLite's calls come by as well. They go on to the next definition, be it libc's or that
// of a sanitizer. Files whose name ends in -shm are left out: SQLite maps and rebuilds them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "disk_log.h"

namespace cordon::store::disk {

enum class FaultKind : std::uint8_t {
  write_error,  // EIO, with half of the octets written
  write_full,   // ENOSPC, with nothing written
  write_short,  // half of the octets are written, and told so; the next write has ENOSPC
  sync_error,   // EIO; the written pages are still seen, but count as clean: no later sync helps
  // EIO, and the file is again what it was at its last sync, also for those who read it now: the
  // kernel marked the pages clean, then dropped them (fsync(2), on EIO).
  sync_error_losing_pages,
};

struct Fault {
  FaultKind kind{};
  std::uint64_t call = 0;   // the first call that fails, among those of its sort, from 0
  std::uint64_t times = 1;  // how many fail in a row
  std::string only;         // the file with this name; empty: any
  std::string never;        // the file with this name
};

// Records from construction to stop(), at most one at a time. What lies in the directory at the
// start counts as synced.
class Recorder {
 public:
  explicit Recorder(const std::filesystem::path& directory);
  ~Recorder();
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  std::size_t position() const;  // events so far; any thread
  Log so_far() const;            // any thread
  Log stop();                    // no other thread may be at work in the directory any more

  // Any thread. Calls are counted from here on.
  void fail(const Fault& fault);
  void end_fault();
  // Where in the log the first call failed since fail().
  std::optional<std::size_t> fault_position() const;
  // Done so far, on the file that has this name now.
  std::uint64_t syncs_of(const std::string& name) const;
  std::uint64_t writes_to(const std::string& name) const;
};

}  // namespace cordon::store::disk
