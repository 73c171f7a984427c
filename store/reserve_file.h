// A preallocated file whose space can be given up when the disk is full, so that an alert still
// finds room. Any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>

#include "store/opening.h"

namespace cordon::store {

class ReserveFile {
 public:
  ReserveFile(const std::filesystem::path& directory, std::uint64_t octets);

  bool keep();     // takes the space; true if it is all there
  void release();  // gives it up

 private:
  std::mutex mutex_;
  File file_;
  std::uint64_t octets_;
};

}  // namespace cordon::store
