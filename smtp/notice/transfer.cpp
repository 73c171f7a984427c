#include "smtp/notice/transfer.h"

#include <cstdint>
#include <optional>

namespace cordon::notice {
namespace {

constexpr std::string_view base64_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view hex_digits = "0123456789ABCDEF";

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// The octet written as two hex digits at `at`.
std::optional<char> hex_octet(std::string_view text, std::size_t at) {
  if (text.size() < at + 2) return std::nullopt;
  const int high = hex_value(text[at]);
  const int low = hex_value(text[at + 1]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<char>(high * 16 + low);
}

std::string hex_form(char lead, char octet) {
  const auto value = static_cast<unsigned char>(octet);
  return {lead, hex_digits[value >> 4], hex_digits[value & 0x0FU]};
}

}  // namespace

std::string from_base64(std::string_view text) {
  std::string octets;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    const int value = base64_value(c);
    if (value < 0) continue;
    bits = (bits << 6 | static_cast<std::uint32_t>(value)) & 0xFFFFFF;
    count += 6;
    if (count >= 8) {
      count -= 8;
      octets += static_cast<char>((bits >> count) & 0xFF);
    }
  }
  return octets;
}

std::string to_base64(std::string_view octets) {
  std::string text;
  for (std::size_t at = 0; at < octets.size(); at += 3) {
    const std::string_view three = octets.substr(at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < three.size() ? static_cast<unsigned char>(three[i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) {
      text += i <= three.size() ? base64_alphabet[(bits >> (18 - 6 * i)) & 0x3F] : '=';
    }
  }
  return text;
}

std::string from_q(std::string_view text) {
  std::string octets;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto octet = text[at] == '=' ? hex_octet(text, at + 1) : std::nullopt;
    if (octet) {
      octets += *octet;
      at += 2;
    } else {
      octets += text[at] == '_' ? ' ' : text[at];
    }
  }
  return octets;
}

std::string to_quoted_printable(std::string_view text) {
  constexpr std::size_t columns = 75;  // and the "=" of a soft break
  std::string out;
  std::size_t used = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const std::string_view rest = text.substr(at);
    if (rest.starts_with("\r\n")) {
      out += "\r\n";
      used = 0;
      ++at;
      continue;
    }
    const char c = text[at];
    const bool at_line_end = rest.size() == 1 || rest.substr(1).starts_with("\r\n");
    const bool blank = c == ' ' || c == '\t';
    const bool plain = (c > 0x20 && c < 0x7F && c != '=') || (blank && !at_line_end);
    const std::string piece = plain ? std::string(1, c) : hex_form('=', c);
    if (used + piece.size() > columns) {
      out += "=\r\n";
      used = 0;
    }
    out += piece;
    used += piece.size();
  }
  return out;
}

}  // namespace cordon::notice
