// Text for a terminal. What cordonctl shows was written by attackers: no control character, no
// direction override and no broken UTF-8 of theirs may reach the screen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cordon::ctl {

enum class Lines : bool { one, many };  // many: LF and TAB are kept, CR before LF is dropped

// Anything that could do more than show itself becomes "?".
std::string neutralised(std::string_view text, Lines lines = Lines::one);

// Columns that neutralised text takes; every code point counts one.
std::size_t display_width(std::string_view text);

// At most `width` columns, the last one "…" if something was cut.
std::string cut(std::string_view text, std::size_t width);

// "2026-11-22 04:00:07", local.
std::string local_time(std::int64_t seconds);

}  // namespace cordon::ctl
