// What the recorder knows while it records: the log, and which calls are to fail. Its user sees to
// it that one thread at a time is in it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "disk_log.h"
#include "disk_recorder.h"

namespace cordon::store::disk {

std::uint64_t size_of(int descriptor);

struct Recording {
  // How to take back one write that is not synced.
  struct Undo {
    std::size_t position = 0;  // in the log
    std::uint64_t offset = 0;
    std::string bytes;
    std::uint64_t size = 0;  // of the file
  };
  // How much a write writes, and the error that it then tells (0: none).
  struct Fate {
    std::size_t octets = 0;
    int error = 0;
  };

  Fate fate_of_write(FileNumber file, std::size_t octets);
  bool sync_fails(FileNumber file);
  // Before a write of so many octets: what they will replace.
  void remember(int descriptor, FileNumber file, std::uint64_t offset, std::size_t octets);
  void lose_pages(int descriptor, FileNumber file);

  std::string directory;
  Log log;
  std::map<std::string, FileNumber> names;  // now
  FileNumber files = 0;
  std::uint64_t syncs = 0;
  std::map<FileNumber, std::uint64_t> syncs_done;
  std::map<FileNumber, std::uint64_t> writes_done;

  std::optional<Fault> fault;
  std::uint64_t calls = 0;  // of the fault's sort
  bool full_next = false;   // after a short write
  std::optional<std::size_t> fault_position;
  std::map<FileNumber, std::vector<Undo>> undos;
  // A failure is told once to each descriptor that was open when it came, as Linux does (errseq_t):
  // failures of each file so far, and those that each descriptor was told of.
  std::map<FileNumber, std::uint64_t> failures;
  std::map<int, std::uint64_t> failures_told;

 private:
  bool has_name(FileNumber file, const std::string& name) const;
  bool strikes(FileNumber file);
};

}  // namespace cordon::store::disk
