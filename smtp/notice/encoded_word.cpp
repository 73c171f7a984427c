// RFC 2047: text of other languages in headers.
#include <algorithm>
#include <array>
#include <optional>

#include "smtp/notice/text.h"
#include "smtp/notice/transfer.h"
#include "smtp/notice/utf8.h"

namespace cordon::notice {
namespace {

enum class Charset : std::uint8_t { utf8, windows_1252 };

// Windows-1252 is a superset of ISO-8859-1 but for the C1 controls, which nobody means.
std::optional<Charset> known_charset(std::string_view name) {
  std::string lower{name.substr(0, name.find('*'))};  // RFC 2231 5: charset*language
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (lower == "utf-8" || lower == "utf8" || lower == "us-ascii") return Charset::utf8;
  if (lower == "iso-8859-1" || lower == "windows-1252") return Charset::windows_1252;
  return std::nullopt;
}

std::string to_utf8(std::string_view octets, Charset charset) {
  if (charset == Charset::utf8) return std::string{octets};
  // 0x80 to 0x9F; the five that are not assigned become U+FFFD.
  static constexpr std::array<char32_t, 32> upper = {
      0x20AC, 0xFFFD, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
      0x2039, 0x0152, 0xFFFD, 0x017D, 0xFFFD, 0xFFFD, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
      0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0xFFFD, 0x017E, 0x0178};
  std::string text;
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    append_utf8(text, octet >= 0x80 && octet < 0xA0 ? upper[octet - 0x80U] : octet);
  }
  return text;
}

struct Word {
  std::size_t size = 0;  // in the header
  Charset charset{};
  std::string octets;
};

// The encoded word "=?charset?encoding?text?=" at the front of `text`, if its charset is known.
std::optional<Word> word_at(std::string_view text) {
  if (!text.starts_with("=?")) return std::nullopt;
  const std::size_t encoding = text.find('?', 2);
  if (encoding == std::string_view::npos || text.size() < encoding + 3) return std::nullopt;
  if (text[encoding + 2] != '?') return std::nullopt;
  const std::size_t content = encoding + 3;
  const std::size_t end = text.find("?=", content);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view encoded = text.substr(content, end - content);
  if (encoded.find_first_of(" ?\t\r\n") != std::string_view::npos) return std::nullopt;
  const auto charset = known_charset(text.substr(2, encoding - 2));
  if (!charset) return std::nullopt;
  const char how = text[encoding + 1];
  if (how == 'B' || how == 'b') return Word{end + 2, *charset, from_base64(encoded)};
  if (how == 'Q' || how == 'q') return Word{end + 2, *charset, from_q(encoded)};
  return std::nullopt;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

std::string decode_words(std::string_view header) {
  std::string result;
  std::string octets;  // of words one after the other: a character may be split between them
  std::optional<Charset> charset;
  std::string blanks;  // between a word and what follows; dropped before another word
  const auto flush = [&] {
    if (charset) result += to_utf8(octets, *charset);
    octets.clear();
    charset.reset();
  };
  for (std::size_t at = 0; at < header.size();) {
    if (auto word = word_at(header.substr(at))) {
      if (!charset) result += blanks;
      if (charset && *charset != word->charset) flush();
      blanks.clear();
      charset = word->charset;
      octets += word->octets;
      at += word->size;
    } else if (is_blank(header[at])) {
      blanks += header[at++];
    } else {
      flush();
      result += blanks;
      blanks.clear();
      result += header[at++];
    }
  }
  flush();
  return result + blanks;
}

std::string fold(std::string_view text, std::size_t used) {
  constexpr std::size_t columns = 76;
  constexpr std::size_t longest = 900;  // below the 998 of RFC 5322 2.1.1
  std::string out;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t end = std::min(text.find(' ', start + 1), text.size());
    std::string_view piece = text.substr(start, std::min(end - start, longest));
    start += piece.size();
    if (used + piece.size() > columns && piece.starts_with(' ') && !out.empty()) {
      out += "\r\n";
      used = 0;
    }
    out += piece;
    used += piece.size();
    if (piece.size() == longest) {
      out += "\r\n ";
      used = 1;
    }
  }
  return out;
}

std::string encode_words(std::string_view text, std::size_t used) {
  const bool looks_encoded = text.find("=?") != std::string_view::npos;
  if (is_ascii(text) && !looks_encoded) return fold(text, used);
  constexpr std::size_t octets_a_word = 42;  // 56 of base64 and 12 around: 68 of the 75 allowed
  std::string out;
  std::string chunk;
  const auto flush = [&] {
    if (chunk.empty()) return;
    if (!out.empty()) out += "\r\n ";
    out += "=?UTF-8?B?" + to_base64(chunk) + "?=";
    chunk.clear();
  };
  // The first line is shared with the field's name.
  std::size_t room = used < octets_a_word ? octets_a_word - (used * 3 + 3) / 4 : 4;
  for (std::size_t at = 0; at < text.size();) {
    std::string one;
    append_utf8(one, next_code_point(text, at));
    if (chunk.size() + one.size() > std::max<std::size_t>(room, 4)) {
      flush();
      room = octets_a_word;
    }
    chunk += one;
  }
  flush();
  return out;
}

}  // namespace cordon::notice
