#include "smtp/base64.h"

#include <array>
#include <cstdint>

namespace cordon::smtp {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t no_value = 0xFF;

constexpr std::array<std::uint8_t, 256> values = [] {
  std::array<std::uint8_t, 256> table{};
  for (auto& value : table) value = no_value;
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return table;
}();

std::uint8_t value_of(char c) { return values[static_cast<std::uint8_t>(c)]; }

std::uint32_t octet(std::string_view octets, std::size_t index) {
  return index < octets.size() ? static_cast<std::uint8_t>(octets[index]) : 0u;
}

// `text` is without its padding. Bits left over must be zero, else two texts would mean the same.
bool is_strict(std::string_view text) {
  for (const char c : text) {
    if (value_of(c) == no_value) return false;
  }
  switch (text.size() % 4) {
    case 0:
      return true;
    case 2:
      return (value_of(text.back()) & 0xF) == 0;
    case 3:
      return (value_of(text.back()) & 0x3) == 0;
    default:
      return false;
  }
}

}  // namespace

std::string encode_base64(std::string_view octets) {
  std::string out;
  out.reserve((octets.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < octets.size(); i += 3) {
    const std::uint32_t group =
        octet(octets, i) << 16 | octet(octets, i + 1) << 8 | octet(octets, i + 2);
    out += alphabet[group >> 18];
    out += alphabet[group >> 12 & 63];
    out += i + 1 < octets.size() ? alphabet[group >> 6 & 63] : '=';
    out += i + 2 < octets.size() ? alphabet[group & 63] : '=';
  }
  return out;
}

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  if (!is_strict(text)) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t group = 0;
  unsigned bits = 0;
  for (const char c : text) {
    group = group << 6 | value_of(c);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(group >> bits & 0xFF);
  }
  return out;
}

}  // namespace cordon::smtp
