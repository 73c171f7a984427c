// The fast part of reading content, shared by the readers of DATA and BDAT.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace cordon::smtp {

// How many octets from `at` on mean nothing in the middle of a line: all above CR. Looks at eight
// at a time, and may stop up to seven octets early.
inline std::size_t plain_run(std::string_view input, std::size_t at) {
  constexpr std::uint64_t each = 0x0101010101010101;
  const std::size_t from = at;
  for (; input.size() - at >= sizeof(std::uint64_t); at += sizeof(std::uint64_t)) {
    std::uint64_t octets = 0;
    std::memcpy(&octets, input.data() + at, sizeof octets);
    // A borrow sets the top bit of each octet below 14 that had none. It may spill into higher
    // octets, so only the lowest such bit is sure.
    const std::uint64_t low = (octets - each * ('\r' + 1)) & ~octets & (each * 0x80);
    if (low == 0) continue;
    if constexpr (std::endian::native == std::endian::little)
      at += static_cast<std::size_t>(std::countr_zero(low)) / 8;
    break;
  }
  return at - from;
}

}  // namespace cordon::smtp
