// The content of the messages: a plausible mail, the same for all but for its Message-ID. What is
// the same is kept once; what is not is written anew whenever it is needed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace cordon::bench {

// The header alone, with addresses of usual length, takes most of it.
inline constexpr std::size_t smallest_content = 512;

class Content {
 public:
  // `octets` is the size of the content, at least smallest_content. Addresses too long for that
  // make it longer.
  Content(std::size_t octets, std::string_view sender, std::string_view recipient);

  // The Message-ID field of message `number`: the first line. Of the same length for every number.
  static constexpr std::size_t first_line_octets = 58;
  void write_first_line(std::uint64_t number, std::span<char, first_line_octets> line) const;
  // All behind the first line, with the final dot.
  std::string_view rest() const { return rest_; }

  std::size_t octets() const { return first_line_octets + rest_.size() - 3; }  // without ".\r\n"

 private:
  std::string rest_;
  std::uint64_t run_;  // tells the Message-IDs of this run from those of others
};

}  // namespace cordon::bench
