#include "smtp/xtext.h"

#include <algorithm>

#include "smtp/text.h"

namespace cordon::smtp {
namespace {

// Upper case only (RFC 3461 4).
int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_printable(char c) { return (c >= ' ' && c <= '~') || c == '\t'; }

}  // namespace

std::optional<std::string> decode_xtext_octets(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    char c = text[at];
    if (c <= ' ' || c > '~' || c == '=') return std::nullopt;
    if (c == '+') {
      if (at + 2 >= text.size()) return std::nullopt;
      const int high = hex_value(text[at + 1]);
      const int low = hex_value(text[at + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      at += 2;
    }
    decoded += c;
  }
  return decoded;
}

std::optional<std::string> decode_xtext(std::string_view text) {
  auto decoded = decode_xtext_octets(text);
  if (!decoded || !std::all_of(decoded->begin(), decoded->end(), is_printable)) {
    return std::nullopt;
  }
  return decoded;
}

std::optional<std::string> decode_xtext_utf8(std::string_view text) {
  auto decoded = decode_xtext_octets(text);
  if (!decoded || !is_well_formed_utf8(*decoded) ||
      !std::all_of(decoded->begin(), decoded->end(),
                   [](char c) { return is_printable(c) || is_non_ascii(c); })) {
    return std::nullopt;
  }
  return decoded;
}

std::string encode_xtext(std::string_view octets) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string text;
  for (const char c : octets) {
    if (c > ' ' && c <= '~' && c != '+' && c != '=') {
      text += c;
      continue;
    }
    const auto octet = static_cast<unsigned char>(c);
    text += '+';
    text += hex[octet >> 4];
    text += hex[octet & 0xF];
  }
  return text;
}

}  // namespace cordon::smtp
