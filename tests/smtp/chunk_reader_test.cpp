// Content in chunks, and octets of other protocols.
#include "smtp/chunk_reader.h"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "smtp/foreign_opening.h"

namespace cordon::smtp {
namespace {

using namespace std::string_view_literals;

struct Chunked {
  std::string text;
  DataFault fault = DataFault::none;
  std::size_t fault_chunk = 0;  // in which it was told
  bool operator==(const Chunked&) const = default;
};

// Reads `chunks` as one message; each arrives in pieces of `piece` octets.
Chunked read(const std::vector<std::string_view>& chunks, std::size_t piece,
             std::uint64_t max = 0) {
  ChunkReader reader;
  reader.start(max);
  Chunked chunked;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    reader.begin_chunk(chunks[i].size(), i + 1 == chunks.size());
    std::string arriving = std::string(chunks[i]) + "QUIT";
    std::string_view octets = arriving;
    std::string_view input = octets.substr(0, piece);
    for (DataEvent event = DataEvent::content; event != DataEvent::end;) {
      const DataStep step = reader.next(input);
      event = step.event;
      chunked.text += step.bytes;
      if (event == DataEvent::fault) chunked.fault_chunk = i;
      if (event == DataEvent::need_input) {
        REQUIRE(input.empty());
        octets.remove_prefix(std::min(piece, octets.size()));
        input = octets.substr(0, piece);
      }
    }
    const auto taken = static_cast<std::size_t>(input.data() - arriving.data());
    CHECK(taken == chunks[i].size());  // and no octet of what follows
    CHECK(reader.chunk_octets() == chunks[i].size());
  }
  chunked.fault = reader.fault();
  CHECK(reader.octets() == chunked.text.size());
  return chunked;
}

TEST_CASE("chunks carry their octets as they are, wherever they are parted") {
  const auto text = "Subject: x\r\n\r\n.\r\n..\r\na\xFF\r\nno end of line"sv;
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    for (const std::size_t piece : {1, 2, 3, 100}) {
      CHECK(read({text.substr(0, cut), text.substr(cut)}, piece) == Chunked{std::string(text)});
    }
  }
  CHECK(read({""}, 1) == Chunked{});
}

TEST_CASE("what may not stand in a message is a fault, also across the edge of two chunks") {
  struct Case {
    std::vector<std::string_view> chunks;
    DataFault fault;
    std::size_t chunk;
  };
  for (const Case& one :
       {Case{{"a\n.\n"}, DataFault::bare_lf, 0}, Case{{"a\r.\r"}, DataFault::bare_cr, 0},
        Case{{"a\r\n\0.\r\n"sv}, DataFault::nul, 0}, Case{{"a\r\r\n"}, DataFault::bare_cr, 0},
        Case{{"a\r\n", "\n.\r\n"}, DataFault::bare_lf, 1},
        Case{{"a\r", ".\r\n"}, DataFault::bare_cr, 1},
        Case{{"a\r", "", "", "b"}, DataFault::bare_cr, 3}, Case{{"a\r", ""}, DataFault::bare_cr, 1},
        Case{{"a", "b\r"}, DataFault::bare_cr, 1}, Case{{"a\r"}, DataFault::bare_cr, 0},
        Case{{"\n", "more\r\n", "\r"}, DataFault::bare_lf, 0}}) {
    for (const std::size_t piece : {1, 2, 100}) {
      const Chunked chunked = read(one.chunks, piece);
      CHECK(chunked.fault == one.fault);
      CHECK(chunked.fault_chunk == one.chunk);
    }
  }
}

TEST_CASE("a chunk that would go over the limit gives no octet of it") {
  for (const std::size_t piece : {1, 100}) {
    CHECK(read({"0123456789"}, piece, 10) == Chunked{"0123456789"});
    CHECK(read({"0123456789a"}, piece, 10) == Chunked{"", DataFault::too_large, 0});
    CHECK(read({"01234", "567890", "x"}, piece, 10) == Chunked{"01234", DataFault::too_large, 1});
    CHECK(read({"01\n34", "567890"}, piece, 10) == Chunked{"01", DataFault::bare_lf, 0});
  }
}

TEST_CASE("the size of a chunk is a number of at most 64 bits, and LAST may follow it") {
  ChunkSize size;
  CHECK(read_chunk_size("18446744073709551615 last", size));
  CHECK(size.octets == 18446744073709551615u);
  CHECK(size.last);
  CHECK(read_chunk_size("00 \t LAST", size));
  CHECK(size.octets == 0);
  CHECK(read_chunk_size("7", size));
  CHECK_FALSE(size.last);
  for (const std::string_view bad : {"", "LAST", "-1", "+1", "1x", "1 FIRST", "1 LAST LAST", "0x10",
                                     "18446744073709551616", "1,2", " 1"}) {
    CAPTURE(bad);
    CHECK_FALSE(read_chunk_size(bad, size));
  }
}

TEST_CASE("other protocols are told by their first octets") {
  for (const auto& [front, protocol] : {std::pair{"GET / HTTP/1.1"sv, "spoke HTTP"sv},
                                        {"post /"sv, "spoke HTTP"sv},
                                        {"PRI * HTTP/2.0"sv, "spoke HTTP"sv},
                                        {"OPTIONS * HTTP/1.1"sv, "spoke HTTP"sv},
                                        {"\x16"sv, "spoke TLS"sv},
                                        {"\x16\x03\x01\x02\0\x01"sv, "spoke TLS"sv},
                                        {"SSH-2.0-Go"sv, "spoke SSH"sv},
                                        {"\0"sv, "spoke no text"sv},
                                        {"\x03\0\0"sv, "spoke no text"sv},
                                        {"\x7F"sv, "spoke no text"sv}}) {
    const std::string octets(front);
    CAPTURE(octets);
    CHECK(foreign_protocol(front) == protocol);
    CHECK(foreign_protocol(octets + " and more\r\n") == protocol);
  }
  for (const std::string_view command : {"", "GET", "GETX ", "PUTTING", "HEADER", "EHLO GET ", "\r",
                                         "\n", "\t", "SSH", "\xC3\xA4"}) {
    CAPTURE(command);
    CHECK(foreign_protocol(command).empty());
  }
}

}  // namespace
}  // namespace cordon::smtp
