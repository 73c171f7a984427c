// What the parsers of SMTP ask about single characters, in ASCII whatever the locale.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace cordon::smtp {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_alnum(char c) { return is_digit(c) || is_alpha(c); }
constexpr bool is_non_ascii(char c) { return static_cast<unsigned char>(c) > 0x7F; }
// A control character: below the space, or DEL.
constexpr bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }
constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

inline bool same_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return to_lower(x) == to_lower(y); });
}

inline bool has_non_ascii(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_non_ascii);
}

// Octets of the well-formed UTF-8 sequence at the front of `text` (RFC 3629 4: no overlong form, no
// surrogate, nothing above U+10FFFF); 0 where there is none.
std::size_t utf8_sequence_length(std::string_view text);
bool is_well_formed_utf8(std::string_view text);

}  // namespace cordon::smtp
