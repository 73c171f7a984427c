// The content of DATA out of a stream of octets (RFC 5321 4.1.1.4, 4.5.2), without copying: pieces
// of content are views into the input.
//
// Only CRLF.CRLF ends the content. Content with a bare CR, a bare LF or a NUL (RFC 5321 2.3.8 and
// 4.5.2 know none of them), or larger than allowed, has a fault: nothing more of it is given out,
// and the reader goes on to the true end, so that what follows is not taken for commands. How the
// input is cut into chunks changes neither the content nor the fault.
#pragma once

#include <cstdint>
#include <string_view>

namespace cordon::smtp {

enum class DataFault : std::uint8_t { none, too_large, bare_cr, bare_lf, nul };

enum class DataEvent : std::uint8_t {
  need_input,  // all input was taken
  content,     // `bytes` of content, unstuffed
  fault,       // told once, when the content became unusable: fault() says why
  end,         // CRLF.CRLF was taken, what follows it was not
};

struct DataStep {
  DataEvent event = DataEvent::need_input;
  std::string_view bytes;
};

class DataReader {
 public:
  // Begins a new content of at most `max_octets` after unstuffing; 0 = no limit.
  void start(std::uint64_t max_octets);
  // Takes octets off the front of `input`.
  DataStep next(std::string_view& input);

  DataFault fault() const { return fault_; }        // the first one
  std::uint64_t octets() const { return octets_; }  // of content given out

 private:
  // Where in a line the next octet stands. `dot` and `dot_cr` only after a line's first octet.
  enum class Place : std::uint8_t { line_start, in_line, after_cr, dot, dot_cr };

  static Place advance(Place place, char c);
  static DataFault fault_at(Place place, char c);
  DataStep skip_to_end(std::string_view& input);
  // Gives input[from, to) as content and takes the first `taken` octets; `fault` follows it.
  DataStep give(std::string_view& input, std::size_t from, std::size_t to, std::size_t taken,
                DataFault fault);

  std::uint64_t max_octets_ = 0;
  std::uint64_t octets_ = 0;
  Place place_ = Place::line_start;
  DataFault fault_ = DataFault::none;
  bool fault_untold_ = false;  // found, but content before it was given first
};

}  // namespace cordon::smtp
