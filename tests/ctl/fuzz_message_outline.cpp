// The outline of any octets: within its limits, a tree in order, and sizes that add up. Also linked
// into ctl_test, which replays hostile messages.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <set>
#include <string>
#include <string_view>

#include "ctl/message_outline.h"

namespace {

using cordon::ctl::MessagePart;

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const MessagePart& part, std::string_view content) {
  require(part.octets <= content.size());
  require(part.sha256.empty() || part.sha256.size() == 64);
  require(!part.sha256.empty() || part.decoded_octets == 0);
  require(part.decoded_octets <= part.octets);
  require(part.content_type.find('/') != std::string::npos);
  for (const char c : part.content_type) require(c < 'A' || c > 'Z');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // The first octet says whether more would follow.
  const bool cut_off = (data[0] & 1U) != 0;
  const std::string_view content{reinterpret_cast<const char*>(data) + 1, size - 1};
  const auto outline = cordon::ctl::outline_of(content, cut_off);
  require(!outline.parts.empty() && outline.parts.size() <= cordon::ctl::max_outline_parts);
  require(outline.parts.front().number == "1");
  require(cut_off == (!outline.notes.empty() && outline.notes.back().ends_with("goes on.")));
  std::set<std::string> numbers;
  for (const MessagePart& part : outline.parts) {
    check(part, content);
    const auto dot = part.number.rfind('.');
    require(dot == std::string::npos || numbers.count(part.number.substr(0, dot)) == 1);
    require(numbers.insert(part.number).second);
  }
  return 0;
}
