#include "smtp/notice/utf8.h"

namespace cordon::notice {
namespace {

constexpr char32_t replacement = 0xFFFD;

struct Lead {
  std::size_t length;  // 0: no lead octet
  char32_t bits;
  char32_t least;  // below it the form is overlong
};

Lead lead_of(unsigned char octet) {
  if (octet < 0x80) return {1, octet, 0};
  if (octet >= 0xC2 && octet <= 0xDF) return {2, octet & 0x1FU, 0x80};
  if (octet >= 0xE0 && octet <= 0xEF) return {3, octet & 0x0FU, 0x800};
  if (octet >= 0xF0 && octet <= 0xF4) return {4, octet & 0x07U, 0x10000};
  return {0, 0, 0};
}

}  // namespace

char32_t next_code_point(std::string_view text, std::size_t& at) {
  const auto [length, bits, least] = lead_of(static_cast<unsigned char>(text[at]));
  const std::size_t start = at++;
  if (length == 0 || length > text.size() - start) return replacement;
  char32_t c = bits;
  for (std::size_t i = 1; i < length; ++i) {
    const auto octet = static_cast<unsigned char>(text[start + i]);
    if ((octet & 0xC0U) != 0x80) return replacement;
    c = (c << 6) | (octet & 0x3FU);
  }
  if (c < least || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return replacement;
  at = start + length;
  return c;
}

void append_utf8(std::string& out, char32_t c) {
  const auto put = [&out](char32_t octet) { out += static_cast<char>(octet); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | (c >> 6));
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3F));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

}  // namespace cordon::notice
