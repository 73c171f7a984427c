// The control protocol, as a hostile client of the socket speaks it: whatever a line holds, it is
// understood or refused, and what was understood says the same when it is said again.
#include <string>

#include "fuzz.h"
#include "wire/line_reader.h"
#include "wire/request.h"

using namespace cordon;
using cordon::fuzz::require;

namespace {

void check_request(std::string_view line) {
  const auto request = wire::decode_request(line);
  if (!request) {
    require(!request.error().message.empty(), "a refusal has words");
    return;
  }
  require(request->args.ids.size() <= wire::max_ids, "ids are bounded");
  require(request->args.baits.size() <= wire::max_new_baits, "baits are bounded");
  const std::string said_again = wire::encode(*request);
  require(said_again.find('\n') == std::string::npos, "a request is one line");
  const auto understood = wire::decode_request(said_again);
  require(understood.has_value() && *understood == *request, "said again it means the same");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t longest = 2048;  // short, so that inputs reach it
  wire::LineReader lines(longest);
  lines.feed(fuzz::as_text(data, size));
  std::string line;
  while (lines.next(line) == wire::LineReader::Status::line) {
    require(line.size() <= longest, "a line is bounded");
    check_request(line);
  }
  return 0;
}
