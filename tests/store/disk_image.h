// The content of one file on the modelled disk: sparse, and cheap to copy, since pages are shared
// until one of the copies changes them.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

namespace cordon::store::disk {

class Image {
 public:
  std::uint64_t size() const { return size_; }
  // Grows the file if need be; what lies between is zeros.
  void write(std::uint64_t offset, std::string_view bytes);
  void zero(std::uint64_t offset, std::uint64_t octets);  // never grows it
  void resize(std::uint64_t size);

  void save(const std::filesystem::path& path) const;  // throws std::runtime_error

 private:
  static constexpr std::size_t page_octets = 4096;
  using Page = std::array<char, page_octets>;

  char* page_to_change(std::size_t index);

  std::vector<std::shared_ptr<Page>> pages_;  // null: zeros
  std::uint64_t size_ = 0;
};

}  // namespace cordon::store::disk
