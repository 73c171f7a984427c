// Content in chunks (BDAT) against a naive reference that sees all of it at once. The first octet
// chooses how the input is cut, each of the next seven the size of a chunk; the rest is content.
#include <vector>

#include "fuzz.h"
#include "smtp/chunk_reader.h"

using namespace cordon::smtp;
using cordon::fuzz::require;

namespace {

constexpr std::uint64_t max_octets = 100;
constexpr std::size_t chunks = 8;

struct Read {
  std::string given;
  DataFault fault = DataFault::none;
  bool operator==(const Read&) const = default;
};

bool is_faulty(std::string_view content) {
  bool after_cr = false;
  for (const char c : content) {
    if (after_cr != (c == '\n') || c == '\0') return true;
    after_cr = c == '\r';
  }
  return after_cr || content.size() > max_octets;
}

void read_chunk(ChunkReader& reader, std::string_view octets, std::size_t piece, Read& read) {
  const std::string_view behind = "\r\nQUIT\r\n";  // must be left alone
  const std::string arriving = std::string(octets).append(behind);
  std::string_view rest = arriving;
  while (true) {
    std::string_view input = rest.substr(0, piece);
    const std::size_t given = input.size();
    const DataStep step = reader.next(input);
    rest.remove_prefix(given - input.size());
    read.given += step.bytes;
    require(step.bytes.empty() || step.event == DataEvent::content, "only content has octets");
    require(step.event != DataEvent::content || read.fault == DataFault::none,
            "none after a fault");
    if (step.event == DataEvent::fault) {
      require(read.fault == DataFault::none, "a fault is told once");
      read.fault = reader.fault();
    }
    if (step.event == DataEvent::end) break;
  }
  require(rest == behind, "a chunk has as many octets as it says");
}

Read read_message(std::string_view content, const std::uint8_t* sizes, std::size_t piece) {
  ChunkReader reader;
  reader.start(max_octets);
  Read read;
  for (std::size_t i = 0; i < chunks; ++i) {
    const bool last = i + 1 == chunks;
    const std::string_view chunk = content.substr(0, last ? content.size() : sizes[i] % 32u);
    content.remove_prefix(chunk.size());
    reader.begin_chunk(chunk.size(), last);
    read_chunk(reader, chunk, piece, read);
  }
  require(reader.fault() == read.fault, "every fault is told");
  require(reader.octets() == read.given.size() && read.given.size() <= max_octets, "counted");
  return read;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ChunkSize ignored;
  if (read_chunk_size(cordon::fuzz::as_text(data, size), ignored)) {
    require(data[0] >= '0' && data[0] <= '9', "a size is a number");
  }
  if (size < chunks) return 0;
  const std::string_view content = cordon::fuzz::as_text(data + chunks, size - chunks);
  const Read whole = read_message(content, data + 1, content.size() + 10);
  require((whole.fault != DataFault::none) == is_faulty(content),
          "faults are those of the reference");
  require(content.starts_with(whole.given), "content is given in order");
  require(whole.fault != DataFault::none || whole.given == content, "and unchanged");
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, data[0] % 32 + std::size_t{1}}) {
    require(read_message(content, data + 1, piece) == whole, "how it arrives does not matter");
  }
  return 0;
}
