// A look at the text of a conf file before the library parses it. toml++ 3.3.0 runs into code that
// it takes for unreachable at most letters beyond ASCII that stand outside of texts and comments;
// TOML 1.0 has no place for them there either.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace cordon::proxy {

struct TextPlace {
  std::uint32_t line = 1;
  std::uint32_t column = 1;  // in octets
};

// The first octet above 127 that stands outside of texts ("", '', """, ''') and comments. Exact as
// far as `toml` is well-formed up to there; a byte order mark in front is none.
std::optional<TextPlace> stray_letter(std::string_view toml);

}  // namespace cordon::proxy
