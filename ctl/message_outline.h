// What a message is made of, told without opening it: its parts as a tree, with type, file name,
// size and digest. Meant for mail that somebody hostile wrote, and run by the operator's own
// process, never by cordond. Malformed mail gives an odd outline with remarks, never an error.
//
// Where mail programs disagree about malformed mail, what could hide a part is said in a remark.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cordon::ctl {

inline constexpr std::size_t max_outline_octets = 26'214'400;  // 25 MiB
inline constexpr std::size_t max_outline_parts = 200;
inline constexpr std::size_t max_outline_depth = 20;

// Text is as the sender wrote it: whoever shows it makes it safe (terminal_text.h).
struct MessagePart {
  std::string number;        // "1" is the message, "1.2" its second part, "1.2.1" that one's first
  std::string content_type;  // "application/pdf", lower case
  std::string file_name;     // decoded (RFC 2231, RFC 2047)
  std::string encoding;      // the transfer encoding, lower case; empty if none is named
  std::uint64_t octets = 0;  // of the body, encoded, without the line end before a boundary
  // Of the decoded body. Nothing for a multipart, which is no more than its parts, and for a part
  // whose end is missing.
  std::uint64_t decoded_octets = 0;
  std::string sha256;                // 64 hexadecimal digits, or empty
  std::vector<std::string> remarks;  // what is odd about it
};

struct MessageOutline {
  std::vector<MessagePart> parts;  // as they stand in the message
  std::vector<std::string> notes;  // what is missing from the outline, and why
};

// `cut_off` says that the content has more than is in `content`.
MessageOutline outline_of(std::string_view content, bool cut_off = false);

}  // namespace cordon::ctl
