// The header scan on any octets, cut into any pieces: the facts must not depend on the cuts, and
// must be as bounded and clean as promised. Also linked into notice_test, which replays hostile
// inputs.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "smtp/notice/header_scan.h"
#include "smtp/notice/text.h"

namespace {

using cordon::notice::HeaderFacts;
using cordon::notice::HeaderScan;

void require(bool holds) {
  if (!holds) std::abort();
}

HeaderFacts scan(std::string_view content, std::size_t piece) {
  HeaderScan scan("gw.example");
  for (; !content.empty(); content.remove_prefix(std::min(piece, content.size()))) {
    scan.feed(content.substr(0, piece));
  }
  return scan.facts();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  // The first octet chooses the cut.
  const std::size_t piece = 1U + data[0];
  const std::string_view content{reinterpret_cast<const char*>(data) + 1, size - 1};
  const HeaderFacts whole = scan(content, content.size() + 1);
  const HeaderFacts cut = scan(content, piece);
  require(whole.subject == cut.subject && whole.message_id == cut.message_id &&
          whole.references == cut.references && whole.auto_submitted == cut.auto_submitted &&
          whole.received_count == cut.received_count &&
          whole.own_received_count == cut.own_received_count);
  require(whole.own_received_count <= whole.received_count);
  require(whole.subject.size() <= 4 * cordon::notice::max_subject_code_points);
  require(whole.references.size() <= cordon::notice::max_references_octets);
  require(whole.subject == cordon::notice::clean_text(whole.subject, 200));
  require(whole.message_id.empty() || cordon::notice::is_message_id(whole.message_id));
  return 0;
}
