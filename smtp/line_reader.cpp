#include "smtp/line_reader.h"

#include <algorithm>

#include "smtp/credentials.h"

namespace cordon::smtp {
namespace {

constexpr std::size_t small_buffer = 256;  // kept between lines; a larger one is given back

LineFault first_fault(std::string_view text) {
  for (const char c : text) {
    if (c == '\r') return LineFault::bare_cr;
    if (c == '\n') return LineFault::bare_lf;
    if (c == '\0') return LineFault::nul;
  }
  return LineFault::none;
}

}  // namespace

LineReader::~LineReader() { wipe(partial_); }

std::optional<Line> LineReader::take(std::string_view& input) {
  if (line_given_) forget();
  std::size_t from = 0;
  while (true) {
    const std::size_t lf = input.find('\n', from);
    if (lf == std::string_view::npos) {
      keep(input);
      input = {};
      return std::nullopt;
    }
    from = lf + 1;
    const bool after_cr = lf > 0 ? input[lf - 1] == '\r' : ends_in_cr_;
    if (!after_cr) continue;
    const std::string_view taken = input.substr(0, from);
    input.remove_prefix(from);
    if (length_ == 0) {
      length_ = taken.size();
      const Line line = complete(taken);
      length_ = 0;
      return line;
    }
    keep(taken);
    line_given_ = true;
    return complete(partial_);
  }
}

Line LineReader::complete(std::string_view raw) const {
  if (length_ > max_octets_) return {raw.substr(0, max_octets_ - 2), LineFault::too_long};
  const std::string_view text = raw.substr(0, raw.size() - 2);
  return {text, first_fault(text)};
}

void LineReader::keep(std::string_view octets) {
  if (octets.empty()) return;
  length_ += octets.size();
  ends_in_cr_ = octets.back() == '\r';
  append(octets.substr(0, max_octets_ - std::min(max_octets_, partial_.size())));
}

// As std::string grows, but the smaller buffer is wiped before it is given back.
void LineReader::append(std::string_view octets) {
  const std::size_t needed = partial_.size() + octets.size();
  if (needed > partial_.capacity()) {
    std::string larger;
    larger.reserve(std::max(needed, std::min(2 * partial_.capacity(), max_octets_)));
    larger = partial_;
    wipe(partial_);
    partial_.swap(larger);
  }
  partial_ += octets;
}

void LineReader::forget() {
  wipe(partial_);
  if (partial_.capacity() > small_buffer) partial_.shrink_to_fit();
  length_ = 0;
  ends_in_cr_ = false;
  line_given_ = false;
}

}  // namespace cordon::smtp
