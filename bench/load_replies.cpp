#include "bench/load_replies.h"

#include <utility>

namespace cordon::bench {

std::optional<int> ReplyCodes::take(std::string_view& bytes) {
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const char c = bytes[at];
    if (c != '\n') {
      if (place_ < 3) {
        bad_ = bad_ || c < '0' || c > '9';
        code_ = code_ * 10 + (c - '0');
      } else if (place_ == 3) {
        last_ = c != '-';
        bad_ = bad_ || (c != '-' && c != ' ' && c != '\r');
      }
      if (place_ < 4) ++place_;
      after_cr_ = c == '\r';
      continue;
    }
    const bool whole = !bad_ && after_cr_ && place_ > 3 && (reply_ < 0 || reply_ == code_);
    const int code = whole ? code_ : 0;
    const bool ended = last_ || !whole;
    *this = {};
    if (!ended) {
      reply_ = code;
      continue;
    }
    bytes.remove_prefix(at + 1);
    return code;
  }
  bytes = {};
  return std::nullopt;
}

}  // namespace cordon::bench
