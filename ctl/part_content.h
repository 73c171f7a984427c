// The body of one MIME part, decoded on the way into its digest and never kept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cordon::ctl {

struct DecodedContent {
  std::uint64_t octets = 0;
  std::string sha256;          // hexadecimal
  bool known_encoding = true;  // false: taken as it is
};

// `encoding` in lower case (RFC 2045 6.1); lenient towards malformed bodies, as mail programs are.
DecodedContent decoded_content(std::string_view body, std::string_view encoding);

}  // namespace cordon::ctl
