// Command lines, their framing and parameters: chunking never matters, memory stays bounded, and
// parameters that are taken can be written on the wire again.
#include <vector>

#include "fuzz.h"
#include "smtp/command.h"
#include "smtp/line_reader.h"
#include "smtp/parameters.h"
#include "smtp/server_automaton.h"
#include "smtp/xtext.h"

using namespace cordon::smtp;
using cordon::fuzz::require;

namespace {

struct TakenLine {
  std::string text;
  LineFault fault;
  bool operator==(const TakenLine&) const = default;
};

std::vector<TakenLine> lines_of(std::string_view octets, std::size_t chunk) {
  constexpr std::size_t max = 64;  // small, so that inputs reach it
  LineReader reader(max);
  std::vector<TakenLine> lines;
  for (; !octets.empty(); octets.remove_prefix(std::min(chunk, octets.size()))) {
    std::string_view input = octets.substr(0, chunk);
    while (auto line = reader.take(input)) lines.push_back({std::string(line->text), line->fault});
    require(input.empty(), "all input is taken");
    require(reader.held() <= max && reader.heap_octets() <= 4 * max, "memory is bounded");
  }
  return lines;
}

void check_parameters(std::string_view text) {
  const OfferedParameters offered{true, true, true, true, true};
  Envelope envelope;
  if (!read_mail_parameters(text, offered, envelope)) {
    require(envelope.envid.empty() || decode_xtext(envelope.envid).has_value(), "ENVID is xtext");
  }
  Recipient recipient;
  if (!read_rcpt_parameters(text, offered, Utf8::yes, recipient)) {
    require(recipient.notify <= (notify::success | notify::failure | notify::delay),
            "NEVER stands alone");
    for (const char c : recipient.orcpt) require(c < 0 || c > ' ', "ORCPT breaks no line");
  }
  const OfferedParameters none{false, true, true, true, true};
  const bool blank = text.find_first_not_of(' ') == std::string_view::npos;
  require(blank || read_mail_parameters(text, none, envelope).has_value(),
          "HELO has no parameters");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets = cordon::fuzz::as_text(data, size);
  const std::vector<TakenLine> whole = lines_of(octets, octets.size() + 1);
  for (const std::size_t chunk : {1, 2, 3, 7, 61}) {
    require(lines_of(octets, chunk) == whole, "chunking does not matter");
  }
  for (const TakenLine& line : whole) {
    const bool illegal =
        line.text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos;
    require(!illegal || line.fault != LineFault::none, "an illegal octet is a fault");
    const ParsedCommand command = parse_command(line.text);
    if (command.rule != nullptr) check_parameters(command.argument);
  }
  check_parameters(octets.substr(0, octets.find('\r')));
  return 0;
}
