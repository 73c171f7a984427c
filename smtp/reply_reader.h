// Replies out of the octets that a server sends (RFC 5321 4.2). Only CRLF ends a line; all lines of
// a reply have one code. Anything else is a protocol fault, after which nothing more is read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/reply.h"

namespace cordon::smtp {

class ReplyReader {
 public:
  explicit ReplyReader(std::size_t max_octets) : max_octets_(max_octets) {}

  void input(std::string_view bytes);
  // The next whole reply. Lines are parted by '\n' in its text, the enhanced code is taken out of
  // them, and control characters are '?'.
  std::optional<Reply> take();
  // Malformed, or a reply longer than `max_octets`.
  bool faulty() const { return faulty_; }
  // Octets that came and are no whole reply yet, or one not yet taken.
  std::size_t held() const { return octets_ + buffer_.size() - begin_; }

 private:
  bool add_line(std::string_view line);

  std::size_t max_octets_;
  std::string buffer_;
  std::size_t begin_ = 0;    // what is before it was taken
  std::size_t scanned_ = 0;  // what is before it has no line end
  std::size_t octets_ = 0;   // of the reply being read
  Reply reply_;              // the lines of it so far
  bool reply_ended_ = false;
  bool faulty_ = false;
};

}  // namespace cordon::smtp
