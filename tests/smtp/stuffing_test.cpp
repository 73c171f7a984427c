// Nothing that leaves by DATA can be read as two messages: what the stuffer wrote is read back by
// the reader, for every content that the reader would have let in.
#include <random>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "smtp/data_reader.h"
#include "smtp/dot_stuffer.h"

namespace cordon::smtp {
namespace {

// As ClientDialogue does: cut into pieces, then the final dot.
std::string on_the_wire(std::string_view content, std::size_t piece) {
  std::string wire;
  DotStuffer stuffer;
  stuffer.start();
  for (; !content.empty(); content.remove_prefix(std::min(piece, content.size()))) {
    stuffer.append(wire, content.substr(0, piece));
  }
  stuffer.finish(wire);
  return wire + ".\r\n";
}

struct ReadBack {
  std::string content;
  bool ended = false;
  std::size_t left = 0;  // octets behind the end
  DataFault fault = DataFault::none;
};

ReadBack read_back(std::string_view wire, std::size_t chunk) {
  DataReader reader;
  reader.start(0);
  ReadBack got;
  while (!wire.empty() && !got.ended) {
    std::string_view input = wire.substr(0, chunk);
    const std::size_t size = input.size();
    while (true) {
      const DataStep step = reader.next(input);
      if (step.event == DataEvent::content) got.content += step.bytes;
      if (step.event == DataEvent::end) got.ended = true;
      if (step.event == DataEvent::end || step.event == DataEvent::need_input) break;
    }
    wire.remove_prefix(size - input.size());
  }
  got.left = wire.size();
  got.fault = reader.fault();
  return got;
}

void check_round(const std::string& content, std::size_t piece, std::size_t chunk) {
  const std::string wire = on_the_wire(content, piece);
  // Each CR has its LF and each LF its CR; no line but the last is a lone dot.
  for (std::size_t i = 0; i < wire.size(); ++i) {
    if (wire[i] == '\r') REQUIRE(wire.substr(i, 2) == "\r\n");
    if (wire[i] == '\n') REQUIRE((i > 0 && wire[i - 1] == '\r'));
  }
  REQUIRE(("\r\n" + wire).find("\r\n.\r\n") == wire.size() - 3);
  const ReadBack got = read_back(wire, chunk);
  std::string expected = content;
  if (!expected.empty() && !expected.ends_with("\r\n")) expected += "\r\n";
  REQUIRE(got.ended);
  REQUIRE(got.left == 0);
  REQUIRE(got.fault == DataFault::none);
  REQUIRE(got.content == expected);
}

TEST_CASE("all short contents of dots and lines come back as they were, and only once") {
  const std::string_view parts[] = {"\r\n", ".", "x"};
  for (std::size_t length = 0; length <= 7; ++length) {
    std::vector<std::size_t> digits(length, 0);
    for (bool more = true; more;) {
      std::string content;
      for (const std::size_t digit : digits) content += parts[digit];
      for (const std::size_t piece : {1, 2, 3, 100}) check_round(content, piece, 100);
      check_round(content, 100, 1);
      more = false;
      for (std::size_t& digit : digits) {
        digit = (digit + 1) % 3;
        if (digit != 0) {
          more = true;
          break;
        }
      }
    }
  }
}

TEST_CASE("arbitrary contents come back as they were, however they are cut") {
  std::minstd_rand random(20260101);
  const auto upto = [&](std::size_t most) {
    return std::uniform_int_distribution<std::size_t>(0, most)(random);
  };
  for (int round = 0; round < 2000; ++round) {
    std::string content;
    for (std::size_t parts = upto(60); parts > 0; --parts) {
      switch (upto(6)) {
        case 0:
        case 1:
          content += "\r\n";
          break;
        case 2:
          content += '.';
          break;
        case 3:
          content += std::string(upto(40), 'x');
          break;
        case 4:
          content += "\r\n.\r\nMAIL FROM:<eve@example>";
          break;
        default: {  // any octet that content may have
          const char c = static_cast<char>(upto(255));
          if (c != '\r' && c != '\n' && c != '\0') content += c;
        }
      }
    }
    check_round(content, 1 + upto(30), 1 + upto(30));
  }
}

}  // namespace
}  // namespace cordon::smtp
