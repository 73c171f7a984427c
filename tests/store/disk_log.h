// What a program did to the files of one directory, in one total order: the input of DiskModel.
//
// Syncs are two events, since writes of other threads may come while one runs: what was written
// before SyncBegun is on the disk after SyncEnded with `kept`, and nothing else is promised
// (POSIX fsync; fdatasync counts as the same, since data and size are all that is modelled).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace cordon::store::disk {

using FileNumber = int;  // counts the files from 1, a new one for each that is created
inline constexpr FileNumber the_directory = 0;

struct Written {
  FileNumber file{};
  std::uint64_t offset = 0;
  std::string bytes;
};
struct Zeroed {  // within the file; a hole counts as zeros
  FileNumber file{};
  std::uint64_t offset = 0;
  std::uint64_t octets = 0;
};
struct Resized {
  FileNumber file{};
  std::uint64_t size = 0;
};

struct SyncBegun {
  FileNumber file{};
  std::uint64_t sync = 0;
};
enum class SyncOutcome : std::uint8_t {
  kept,
  failed,   // what was to be synced may be on the disk or not, and no later sync covers it
  dropped,  // the same, and none of it is there: the file shows again what was synced before
};
struct SyncEnded {
  FileNumber file{};
  std::uint64_t sync = 0;
  SyncOutcome outcome = SyncOutcome::kept;
};

struct Created {
  FileNumber file{};
  std::string name;
};
struct Renamed {
  FileNumber file{};
  std::string from;
  std::string to;
};
struct Unlinked {
  FileNumber file{};
  std::string name;
};

using Event =
    std::variant<Written, Zeroed, Resized, SyncBegun, SyncEnded, Created, Renamed, Unlinked>;

struct Log {
  // What was there, and on the disk, before the first event.
  std::map<std::string, FileNumber> names;
  std::map<FileNumber, std::string> contents;
  std::vector<Event> events;
};

}  // namespace cordon::store::disk
