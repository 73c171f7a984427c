// The way of content onto the wire: dots at the start of a line are doubled (RFC 5321 4.5.2). Only
// CRLF begins a line; no octet is changed.
#pragma once

#include <string>
#include <string_view>

namespace cordon::smtp {

class DotStuffer {
 public:
  void start() { place_ = Place::line_start; }
  // Appends the stuffed form of the next piece; how content is cut into pieces does not matter.
  void append(std::string& out, std::string_view piece);
  // Appends the CRLF that the content lacks at its end, so that the final dot stands alone.
  void finish(std::string& out);

 private:
  enum class Place { line_start, in_line, after_cr };
  Place place_ = Place::line_start;
};

}  // namespace cordon::smtp
