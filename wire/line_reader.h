// Cuts a stream into lines of bounded length. Memory is bounded by that length and the last feed().
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cordon::wire {

class LineReader {
 public:
  explicit LineReader(std::size_t max_line) : max_line_(max_line) {}

  enum class Status : std::uint8_t {
    line,      // `line` holds one, without its LF
    more,      // no whole line yet
    too_long,  // the line exceeds the limit; nothing after it can be trusted
  };

  void feed(std::string_view bytes) { pending_ += bytes; }
  Status next(std::string& line);

 private:
  std::size_t max_line_;
  std::string pending_;
  std::size_t start_ = 0;    // of the line at hand
  std::size_t scanned_ = 0;  // no LF before this
};

}  // namespace cordon::wire
