#include "ctl/terminal_text.h"

#include <array>
#include <ctime>
#include <optional>

namespace cordon::ctl {
namespace {

struct CodePoint {
  char32_t value = 0;
  std::size_t octets = 1;
};

// The code point at the front of `text`, or nothing if that is no well-formed UTF-8 (RFC 3629).
std::optional<CodePoint> take(std::string_view text) {
  const auto octet = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = octet(0);
  if (first < 0x80) return CodePoint{first, 1};
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return std::nullopt;
  char32_t value = first & (0x7F >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((octet(i) & 0xC0) != 0x80) return std::nullopt;
    value = value << 6 | (octet(i) & 0x3F);
  }
  constexpr std::array<char32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};
  if (value < least[length] || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
    return std::nullopt;
  }
  return CodePoint{value, length};
}

// Controls, and what changes the direction or the lines of text that follows.
bool harmful(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x00AD || c == 0x061C ||
         (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) ||
         (c >= 0xE0000 && c <= 0xE007F);
}

}  // namespace

std::string neutralised(std::string_view text, Lines lines) {
  std::string out;
  while (!text.empty()) {
    const auto c = take(text);
    const std::size_t octets = c ? c->octets : 1;
    const bool line_end = text.starts_with("\r\n");
    if (lines == Lines::many && c && (c->value == '\n' || c->value == '\t')) {
      out += text[0];
    } else if (lines == Lines::many && line_end) {
      // The LF comes next.
    } else if (!c || harmful(c->value)) {
      out += '?';
    } else {
      out += text.substr(0, octets);
    }
    text.remove_prefix(octets);
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (const char c : text) width += (static_cast<std::uint8_t>(c) & 0xC0) != 0x80 ? 1 : 0;
  return width;
}

std::string cut(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::size_t end = 0;
  for (std::size_t taken = 0; end < text.size(); ++end) {
    const bool starts = (static_cast<std::uint8_t>(text[end]) & 0xC0) != 0x80;
    if (starts && taken++ == width - 1) break;
  }
  return std::string(text.substr(0, end)) + "\u2026";
}

std::string local_time(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  std::array<char, 32> text{};
  if (localtime_r(&time, &parts) == nullptr) return std::to_string(seconds);
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
  return {text.data(), size};
}

}  // namespace cordon::ctl
