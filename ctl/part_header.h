// What the header of one MIME entity says about its body (RFC 2045, 2183, 2231).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cordon::ctl {

inline constexpr std::size_t max_part_header_octets = 16'384;

struct PartHeader {
  std::string type;      // "text/plain" of "Text/Plain; charset=x"; empty if there is none
  std::string boundary;  // empty if there is none
  std::string file_name;
  std::string encoding;  // lower case
  std::vector<std::string> remarks;
};

// Collects the Content- fields of a header, line by line.
class PartHeaderLines {
 public:
  // `line` without its end. False if it is no line of a header: the body began without an empty
  // line.
  bool take(std::string_view line);
  PartHeader read() const;

 private:
  std::string kept_;
  bool keeping_ = false;  // continuation lines belong to a field that is kept
  bool any_ = false;
  bool too_long_ = false;
};

}  // namespace cordon::ctl
