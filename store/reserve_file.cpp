#include "store/reserve_file.h"

#include <fcntl.h>
#include <unistd.h>

namespace cordon::store {

ReserveFile::ReserveFile(const std::filesystem::path& directory, std::uint64_t octets)
    : file_(::open((directory / reserve_name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)),
      octets_(octets) {
  keep();  // a disk that is full already must not keep the gateway from starting
}

bool ReserveFile::keep() {
  const std::lock_guard lock(mutex_);
  if (octets_ == 0) return true;
  if (!file_.is_open()) return false;
  if (::posix_fallocate(file_.descriptor(), 0, static_cast<off_t>(octets_)) == 0) return true;
  // Half a reserve would only make the disk fuller.
  [[maybe_unused]] const int result = ::ftruncate(file_.descriptor(), 0);
  return false;
}

void ReserveFile::release() {
  const std::lock_guard lock(mutex_);
  if (!file_.is_open()) return;
  [[maybe_unused]] const int result = ::ftruncate(file_.descriptor(), 0);
}

}  // namespace cordon::store
