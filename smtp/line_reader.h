// Command lines out of a stream of octets. Only CRLF ends a line; a line with a bare CR, a bare LF
// or a NUL is told as such, whole, and never parted there (that is how commands are smuggled).
// A line that lies whole in the input is not copied. At most as many octets are kept as a line may
// have; they are wiped, since they may be those of AUTH.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cordon::smtp {

enum class LineFault : std::uint8_t { none, too_long, bare_cr, bare_lf, nul };

struct Line {
  std::string_view text;  // without CRLF; of a line too long its front. Valid until the next take()
  LineFault fault = LineFault::none;  // too_long, else the first fault in the line
};

class LineReader {
 public:
  explicit LineReader(std::size_t max_octets) : max_octets_(max_octets) {}
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  ~LineReader();

  // Between two lines only.
  void set_limit(std::size_t max_octets) { max_octets_ = max_octets; }
  // Takes octets off the front of `input` up to the end of a line, or all of them if none ends.
  std::optional<Line> take(std::string_view& input);
  // Octets that wait for the end of their line, and their front.
  std::size_t held() const { return partial_.size(); }
  std::string_view held_front() const { return partial_; }
  std::size_t heap_octets() const { return partial_.capacity(); }

 private:
  Line complete(std::string_view raw) const;
  void keep(std::string_view octets);
  void append(std::string_view octets);
  void forget();

  std::size_t max_octets_;   // of a line, with its CRLF
  std::string partial_;      // the front of a line whose end has not come
  std::size_t length_ = 0;   // true length of that line so far
  bool ends_in_cr_ = false;  // whether its last octet, kept or not, is CR
  bool line_given_ = false;  // the last take() gave a line out of partial_
};

}  // namespace cordon::smtp
