// A disk that loses its power: what may be left of the files after any point of a recorded log.
//
// Strict POSIX, kinder in nothing that a file system need not do:
// - What was written to a file before its last completed sync began is there.
// - Of what was written since, any part may be there, in any order; each 512-octet sector of a
// write
//   may be there or not. Sectors are whole, and octets outside of a write keep their value (what
//   SQLite calls powersafe overwrite, https://www.sqlite.org/psow.html).
// - A new size may be there without the bytes: zeros. A file is never shorter than when it was
//   synced, unless it was cut since.
// - A creation, a rename or an unlink is there for certain only after the directory was synced;
//   syncing the file does not keep its name (ext4 would). A rename happens whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "disk_image.h"
#include "disk_log.h"

namespace cordon::store::disk {

using Random = std::mt19937_64;
// Evenly from 0 to n - 1; n > 0.
inline std::uint64_t below(Random& random, std::uint64_t n) { return random() % n; }

// What is found when the power is back.
struct Remains {
  std::map<std::string, Image> files;

  void save(const std::filesystem::path& directory) const;  // empties it first
};

// Goes along a log, which must outlive it.
class DiskModel {
 public:
  // `lies_about`: syncs of files with this end of name are acknowledged and not done.
  DiskModel(const Log& log, std::uint64_t seed, std::string lies_about = {});

  void advance_to(std::size_t position);  // forward only; events before it have happened
  Remains lose_power(Random& random) const;

 private:
  struct File {
    Image synced;
    std::vector<std::size_t> unsynced;  // events that change it, by place in the log
    bool lied_about = false;
  };

  void happen(std::size_t position);
  void end_sync(const SyncEnded& end);
  void name_file(FileNumber file, const std::string& name);

  const Log& log_;
  const std::string lies_about_;
  std::size_t position_ = 0;
  Random random_;  // for the outcome of failed syncs
  std::map<FileNumber, File> files_;
  std::map<std::string, FileNumber> synced_names_;
  std::vector<std::size_t> unsynced_names_;               // events
  std::map<std::uint64_t, std::size_t> syncs_under_way_;  // where they began
};

}  // namespace cordon::store::disk
