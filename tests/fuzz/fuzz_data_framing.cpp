// Content framing against a naive reference that sees all octets at once; and stuffing back again.
#include "fuzz.h"
#include "smtp/data_reader.h"
#include "smtp/dot_stuffer.h"

using namespace cordon::smtp;
using cordon::fuzz::require;

namespace {

constexpr std::uint64_t max_octets = 100;

struct Content {
  std::string text;  // meaningful only without fault
  bool faulty = false;
  bool ended = false;
  std::size_t taken = 0;
  bool operator==(const Content&) const = default;
};

// As RFC 5321 4.5.2 says it: find the end, part into lines, take one dot off each.
Content reference(std::string_view octets) {
  Content content;
  const std::string framed = "\r\n" + std::string(octets);
  const std::size_t end = framed.find("\r\n.\r\n");
  content.ended = end != std::string::npos;
  content.taken = content.ended ? end + 3 : octets.size();
  std::string_view rest = octets.substr(0, content.ended ? end : octets.size());
  if (!content.ended) return content;
  while (!rest.empty()) {
    const std::size_t line_end = rest.find("\r\n");
    std::string_view line = rest.substr(0, line_end);
    rest.remove_prefix(line.size() + 2);
    content.faulty |= line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
    if (line.starts_with('.')) line.remove_prefix(1);
    content.text.append(line).append("\r\n");
  }
  content.faulty |= content.text.size() > max_octets;
  return content;
}

struct Read {
  Content content;
  DataFault fault = DataFault::none;
  std::string given;
  bool operator==(const Read&) const = default;
};

Read read(std::string_view octets, std::size_t chunk) {
  DataReader reader;
  reader.start(max_octets);
  Read read;
  while (!octets.empty() && !read.content.ended) {
    std::string_view input = octets.substr(0, chunk);
    const std::size_t given = input.size();
    for (DataEvent event = DataEvent::content;
         event == DataEvent::content || event == DataEvent::fault;) {
      const DataStep step = reader.next(input);
      event = step.event;
      require(step.bytes.empty() || event == DataEvent::content, "only content has octets");
      require(event != DataEvent::content || !read.content.faulty, "nothing after a fault");
      read.given += step.bytes;
      read.content.faulty |= event == DataEvent::fault;
      read.content.ended = event == DataEvent::end;
    }
    read.content.taken += given - input.size();
    octets.remove_prefix(given - input.size());
  }
  read.fault = reader.fault();
  require(read.content.faulty == (read.fault != DataFault::none), "a fault is told");
  require(reader.octets() == read.given.size() && read.given.size() <= max_octets, "counted");
  return read;
}

void check_stuffing(std::string_view text, std::size_t chunk) {
  DotStuffer stuffer;
  std::string wire;
  for (std::string_view rest = text; !rest.empty();
       rest.remove_prefix(std::min(chunk, rest.size()))) {
    stuffer.append(wire, rest.substr(0, chunk));
  }
  stuffer.finish(wire);
  require(("\r\n" + wire).find("\r\n.\r\n") == std::string::npos, "content holds no end of itself");
  const Content back = reference(wire + ".\r\n");
  const std::string ending = text.empty() || text.ends_with("\r\n") ? "" : "\r\n";
  require(back.ended && back.text == std::string(text) + ending,
          "stuffing is undone by unstuffing");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view octets = cordon::fuzz::as_text(data + 1, size - 1);
  const Read whole = read(octets, octets.size() + 1);
  const Content expected = reference(octets);
  require(whole.content.ended == expected.ended, "it ends where it should");
  require(whole.content.taken == expected.taken, "no octet more is taken");
  if (expected.ended) {
    require(whole.content.faulty == expected.faulty, "faults are those of the reference");
    require(expected.faulty || whole.given == expected.text, "content is that of the reference");
  }
  for (const std::size_t chunk : {std::size_t{1}, std::size_t{2}, data[0] % 32 + std::size_t{1}}) {
    require(read(octets, chunk) == whole, "chunking does not matter");
    check_stuffing(octets, chunk);
  }
  return 0;
}
