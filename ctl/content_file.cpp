#include "ctl/content_file.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace cordon::ctl {

ContentFile::ContentFile(std::string path) : path_(std::move(path)) {
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd_ < 0) fault_ = std::strerror(errno);
  made_ = fd_ >= 0;
}

ContentFile::~ContentFile() {
  close();
  if (made_) ::unlink(path_.c_str());
}

void ContentFile::write(std::string_view octets) {
  while (!octets.empty() && fault_.empty()) {
    const ssize_t written = ::write(fd_, octets.data(), octets.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      fault_ = std::strerror(errno);
    } else {
      octets.remove_prefix(static_cast<std::size_t>(written));
    }
  }
}

bool ContentFile::keep() {
  close();
  if (!fault_.empty()) return false;
  made_ = false;
  return true;
}

void ContentFile::close() {
  if (fd_ >= 0 && ::close(fd_) != 0 && fault_.empty()) fault_ = std::strerror(errno);
  fd_ = -1;
}

}  // namespace cordon::ctl
