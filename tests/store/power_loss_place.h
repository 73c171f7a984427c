// A directory for files that are written and thrown away by the thousand: in memory if there is
// such a file system, since nothing of it has to survive.
#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

#include <stdlib.h>
#include <unistd.h>

namespace cordon::store::disk {

class QuickDirectory {
 public:
  QuickDirectory() {
    const bool shm = ::access("/dev/shm", R_OK | W_OK | X_OK) == 0;
    const std::filesystem::path base = shm ? "/dev/shm" : std::filesystem::temp_directory_path();
    std::string name = (base / "cordon_power_XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no directory in " + name);
    path_ = name;
  }
  ~QuickDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  QuickDirectory(const QuickDirectory&) = delete;
  QuickDirectory& operator=(const QuickDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace cordon::store::disk
