// What all files of the store have in common: an open descriptor, a name that is safe, and what is
// thrown when one cannot be used.
#pragma once

#include <filesystem>
#include <stdexcept>

namespace cordon::store {

// A directory or a file in it cannot be used: not writable, in use by another process, damaged,
// from a newer Cordon, or not Cordon's. Nothing that was there has been changed.
class OpenError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// An open file descriptor.
class File {
 public:
  explicit File(int descriptor = -1) : descriptor_(descriptor) {}
  ~File();
  File(File&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  File& operator=(File&& other) noexcept;

  int descriptor() const { return descriptor_; }
  bool is_open() const { return descriptor_ >= 0; }

 private:
  int descriptor_;
};

// Makes names in the directory safe: fsync(2) of a file does not. Throws OpenError.
void sync_directory(const std::filesystem::path& directory);

}  // namespace cordon::store
