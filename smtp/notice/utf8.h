// UTF-8, one code point at a time (RFC 3629).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cordon::notice {

// The code point at `at` (< text.size()), which moves behind it. A malformed octet, an overlong
// form, a surrogate or a value above U+10FFFF gives U+FFFD and moves by one octet.
char32_t next_code_point(std::string_view text, std::size_t& at);

// `c` must be a Unicode scalar value.
void append_utf8(std::string& out, char32_t c);

}  // namespace cordon::notice
