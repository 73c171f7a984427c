#include "disk_image.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include <fcntl.h>
#include <unistd.h>

namespace cordon::store::disk {

char* Image::page_to_change(std::size_t index) {
  auto& page = pages_[index];
  if (!page) {
    page = std::make_shared<Page>();
    page->fill(0);
  } else if (page.use_count() > 1) {
    page = std::make_shared<Page>(*page);
  }
  return page->data();
}

void Image::write(std::uint64_t offset, std::string_view bytes) {
  if (offset + bytes.size() > size_) resize(offset + bytes.size());
  while (!bytes.empty()) {
    const std::size_t within = offset % page_octets;
    const std::size_t octets = std::min(bytes.size(), page_octets - within);
    std::memcpy(page_to_change(offset / page_octets) + within, bytes.data(), octets);
    bytes.remove_prefix(octets);
    offset += octets;
  }
}

void Image::zero(std::uint64_t offset, std::uint64_t octets) {
  const std::uint64_t end = std::min(offset + octets, size_);
  while (offset < end) {
    const std::size_t within = offset % page_octets;
    const std::size_t some = std::min<std::uint64_t>(end - offset, page_octets - within);
    const std::size_t index = offset / page_octets;
    if (some == page_octets) {
      pages_[index].reset();
    } else if (pages_[index]) {
      std::memset(page_to_change(index) + within, 0, some);
    }
    offset += some;
  }
}

void Image::resize(std::uint64_t size) {
  // What a later growth shows must be zeros.
  if (size < size_) zero(size, size_ - size);
  size_ = size;
  pages_.resize((size + page_octets - 1) / page_octets);
}

void Image::save(const std::filesystem::path& path) const {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool good = file >= 0 && ::ftruncate(file, static_cast<off_t>(size_)) == 0;
  for (std::size_t index = 0; good && index < pages_.size(); ++index) {
    if (!pages_[index]) continue;
    const std::uint64_t offset = index * page_octets;
    const std::size_t octets = std::min<std::uint64_t>(page_octets, size_ - offset);
    good = ::pwrite(file, pages_[index]->data(), octets, static_cast<off_t>(offset)) ==
           static_cast<ssize_t>(octets);
  }
  if (file >= 0) ::close(file);
  if (!good) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace cordon::store::disk
