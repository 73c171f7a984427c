#include "store/file.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace cordon::store {

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

File& File::operator=(File&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

void sync_directory(const std::filesystem::path& directory) {
  const File file(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.is_open() || ::fsync(file.descriptor()) != 0) {
    throw OpenError(directory.string() +
                    ": cannot be synced: " + std::generic_category().message(errno));
  }
}

}  // namespace cordon::store
