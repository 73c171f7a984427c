#include "proxy/toml_text.h"

#include <algorithm>

namespace cordon::proxy {
namespace {

// How far the text or comment at the front of `toml` goes; 0: there is none.
std::size_t length_of_text(std::string_view toml) {
  const char mark = toml.front();
  if (mark == '#') return std::min(toml.find('\n'), toml.size());
  if (mark != '"' && mark != '\'') return 0;
  const std::string_view long_mark = mark == '"' ? "\"\"\"" : "'''";
  const bool is_long = toml.starts_with(long_mark);
  const std::string_view end = is_long ? long_mark : long_mark.substr(0, 1);
  for (std::size_t at = end.size(); at < toml.size(); ++at) {
    if (mark == '"' && toml[at] == '\\') {
      ++at;
    } else if (!is_long && toml[at] == '\n') {
      return at;  // not well-formed: the parser gives up here
    } else if (toml.substr(at).starts_with(end)) {
      at += end.size();
      // A long text may end with up to two quotes of its own.
      for (int own = 0; is_long && own < 2 && at < toml.size() && toml[at] == mark; ++own) ++at;
      return at;
    }
  }
  return toml.size();
}

}  // namespace

std::optional<TextPlace> stray_letter(std::string_view toml) {
  TextPlace place;
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (toml.starts_with(byte_order_mark)) toml.remove_prefix(byte_order_mark.size());
  while (!toml.empty()) {
    std::size_t length = length_of_text(toml);
    if (length == 0) {
      if (static_cast<unsigned char>(toml.front()) > 127) return place;
      length = 1;
    }
    for (const char c : toml.substr(0, length)) {
      ++place.column;
      if (c != '\n') continue;
      ++place.line;
      place.column = 1;
    }
    toml.remove_prefix(length);
  }
  return std::nullopt;
}

}  // namespace cordon::proxy
