// Lines and content out of octets, and content into octets.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "smtp/command.h"
#include "smtp/data_reader.h"
#include "smtp/dot_stuffer.h"
#include "smtp/line_reader.h"
#include "smtp/server_automaton.h"
#include "smtp/xtext.h"

namespace cordon::smtp {
namespace {

using namespace std::string_view_literals;

struct TakenLine {
  std::string text;
  LineFault fault;
  bool operator==(const TakenLine&) const = default;
};

std::vector<TakenLine> lines_of(std::string_view octets, std::size_t chunk,
                                std::size_t max = max_command_line) {
  LineReader reader(max);
  std::vector<TakenLine> lines;
  for (; !octets.empty(); octets.remove_prefix(std::min(chunk, octets.size()))) {
    std::string piece(octets.substr(0, chunk));
    std::string_view input = piece;
    while (auto line = reader.take(input)) lines.push_back({std::string(line->text), line->fault});
    CHECK(input.empty());
    CHECK(reader.held() <= max);
  }
  return lines;
}

TEST_CASE("only CRLF ends a line, however the octets arrive") {
  const auto octets = "a\r\n\r\nb\nc\r\nd\re\r\nf\0\r\ng\r\r\nend"sv;
  const std::vector<TakenLine> expected{{"a", LineFault::none},
                                        {"", LineFault::none},
                                        {"b\nc", LineFault::bare_lf},
                                        {"d\re", LineFault::bare_cr},
                                        {std::string("f\0", 2), LineFault::nul},
                                        {"g\r", LineFault::bare_cr}};
  for (std::size_t chunk = 1; chunk <= octets.size(); ++chunk) {
    CAPTURE(chunk);
    CHECK(lines_of(octets, chunk) == expected);
  }
}

TEST_CASE("a line too long is skipped in bounded memory, and the next is read") {
  const std::string octets = std::string(8, 'x') + "\r\n" + std::string(9, 'y') + "\r\n" +
                             std::string(100, 'z') + "\n\r\nok\r\n";
  const std::vector<TakenLine> expected{{"xxxxxxxx", LineFault::none},
                                        {"yyyyyyyy", LineFault::too_long},
                                        {"zzzzzzzz", LineFault::too_long},
                                        {"ok", LineFault::none}};
  for (const std::size_t chunk : {1, 2, 3, 5, 10, 11, 12, 200}) {
    CAPTURE(chunk);
    CHECK(lines_of(octets, chunk, 10) == expected);
  }
}

TEST_CASE("a large buffer is given back after its line") {
  LineReader reader(max_command_line);
  const std::string long_line(2000, 'x');
  std::string_view input = long_line;
  CHECK_FALSE(reader.take(input));
  input = "\r\n";
  CHECK(reader.take(input)->text.size() == 2000);
  CHECK_FALSE(reader.take(input));
  CHECK(reader.heap_octets() < 64);
}

struct Content {
  std::string text;
  DataFault fault = DataFault::none;
  bool ended = false;
  std::string rest;
  bool operator==(const Content&) const = default;
};

Content content_of(std::string_view octets, std::size_t chunk, std::uint64_t max = 0) {
  DataReader reader;
  reader.start(max);
  Content content;
  while (!octets.empty() && !content.ended) {
    std::string_view input = octets.substr(0, chunk);
    const std::size_t given = input.size();
    for (bool more = true; more;) {
      const DataStep step = reader.next(input);
      content.text += step.bytes;
      content.ended = step.event == DataEvent::end;
      more = step.event == DataEvent::content || step.event == DataEvent::fault;
      if (step.event == DataEvent::fault) CHECK(reader.fault() != DataFault::none);
    }
    octets.remove_prefix(given - input.size());
  }
  content.fault = reader.fault();
  content.rest = octets;
  CHECK(reader.octets() == content.text.size());
  return content;
}

TEST_CASE("content is unstuffed and ends at CRLF.CRLF alone, however it arrives") {
  const auto octets = "a\r\n..\r\n...b\r\n.c\r\n.\r\nQUIT\r\n"sv;
  const Content expected{"a\r\n.\r\n..b\r\nc\r\n", DataFault::none, true, "QUIT\r\n"};
  for (std::size_t chunk = 1; chunk <= octets.size(); ++chunk) {
    CAPTURE(chunk);
    CHECK(content_of(octets, chunk) == expected);
  }
  CHECK(content_of(".\r\n", 1) == Content{"", DataFault::none, true, ""});
}

TEST_CASE("nothing else ends content: each smuggling sequence is refused and named") {
  struct Case {
    std::string_view octets;
    DataFault fault;
  };
  for (const auto& [octets, fault] :
       {Case{"a\n.\nX", DataFault::bare_lf}, Case{"a\n.\r\nX", DataFault::bare_lf},
        Case{"a\r\n.\nX", DataFault::bare_lf}, Case{"a\r.\rX", DataFault::bare_cr},
        Case{"a\r.\r\nX", DataFault::bare_cr}, Case{"a\r\n.\rX", DataFault::bare_cr},
        Case{"a\r\r\n.\r\r\nX", DataFault::bare_cr}, Case{"a\n\r.\n\rX", DataFault::bare_lf},
        Case{"a\r\n\0.\r\nX"sv, DataFault::nul}, Case{"a\r\n.\0\r\nX"sv, DataFault::nul},
        Case{"a\r\n.\r\0\nX"sv, DataFault::bare_cr}, Case{"a\r\0\n.\r\nX"sv, DataFault::bare_cr},
        Case{".\nX", DataFault::bare_lf}, Case{"\n.\r\nX", DataFault::bare_lf},
        Case{"\r\r\n.\r", DataFault::bare_cr}}) {
    const std::string open = std::string(octets) + "X\r\n";
    CAPTURE(open);
    for (std::size_t chunk = 1; chunk <= open.size(); ++chunk) {
      const Content unfinished = content_of(open, chunk);
      CHECK(unfinished.fault == fault);
      CHECK_FALSE(unfinished.ended);
      const Content finished = content_of(open + ".\r\nQUIT", chunk);
      CHECK(finished.fault == fault);
      CHECK(finished.ended);
      CHECK(finished.rest == "QUIT");
    }
  }
}

TEST_CASE("content may be as large as allowed, after unstuffing, and no larger") {
  for (std::size_t chunk = 1; chunk <= 20; ++chunk) {
    CHECK(content_of("..2345\r\n.\r\nR", chunk, 7) ==
          Content{".2345\r\n", DataFault::none, true, "R"});
    CHECK(content_of("..23456\r\n.\r\nR", chunk, 7) ==
          Content{".23456\r", DataFault::too_large, true, "R"});
    CHECK(content_of("1234567\n\r\n.\r\nR", chunk, 7).fault == DataFault::bare_lf);
    CHECK(content_of("12345678\n\r\n.\r\nR", chunk, 7).fault == DataFault::too_large);
  }
}

TEST_CASE("lines of any length and any other octets are carried unchanged") {
  std::string text = std::string(5000, 'x') + "\r\n";
  for (int octet = 1; octet < 256; ++octet) {
    if (octet != '\r' && octet != '\n') text += static_cast<char>(octet);
  }
  text += "\r\n";
  CHECK(content_of(text + ".\r\n", 777) == Content{text, DataFault::none, true, ""});
}

TEST_CASE("what is stuffed is unstuffed to the same octets, in any pieces") {
  const auto text = ".\r\n..\r\na\r\n.b\r\n\r\n.\r\nc.\r\n"sv;
  for (std::size_t chunk = 1; chunk <= text.size(); ++chunk) {
    DotStuffer stuffer;
    std::string wire;
    for (auto rest = text; !rest.empty(); rest.remove_prefix(std::min(chunk, rest.size()))) {
      stuffer.append(wire, rest.substr(0, chunk));
    }
    stuffer.finish(wire);
    CHECK(wire == "..\r\n...\r\na\r\n..b\r\n\r\n..\r\nc.\r\n");
    CHECK(content_of(wire + ".\r\n", 3).text == text);
  }
}

TEST_CASE("the final dot gets a line of its own") {
  for (const auto& [text, expected] : {std::pair{"", ""},
                                       {"a", "a\r\n"},
                                       {"a\r", "a\r\r\n"},
                                       {"a\r\n", "a\r\n"},
                                       {"a\n", "a\n\r\n"}}) {
    DotStuffer stuffer;
    std::string wire;
    stuffer.append(wire, text);
    stuffer.finish(wire);
    CHECK(wire == expected);
  }
}

TEST_CASE("the command table finds a command in any case, with its argument trimmed") {
  CHECK(parse_command("mail from: <a@b> ").rule->verb == Verb::mail);
  CHECK(parse_command("MAIL FROM: <a@b> ").argument == " <a@b>");
  CHECK(parse_command("rcpt TO:<a>").argument_fits);
  CHECK_FALSE(parse_command("RCPT FROM:<a>").argument_fits);
  CHECK_FALSE(parse_command("MAIL").argument_fits);
  CHECK(parse_command("QUIT \t").argument_fits);
  CHECK(parse_command("NOOP  x  y ").argument == "x  y");
  CHECK(parse_command("MAILFROM:<a@b>").rule == nullptr);
  CHECK(parse_command(" QUIT").rule == nullptr);
  CHECK(parse_command("").rule == nullptr);
  CHECK(parse_command("TURN").rule->verb == Verb::unserved);
  CHECK_FALSE(parse_command("HELO " + std::string(256, 'x')).argument_fits);
}

TEST_CASE("xtext decodes to printable octets or not at all") {
  CHECK(decode_xtext("a+2Bb+3D") == "a+b=");
  CHECK(decode_xtext("+20") == " ");
  for (const std::string_view bad :
       {"a+2", "a+", "a+2b", "a+GG", "a=b", "a b", "+0D", "+00", "+7F", "+80", "\xC3\xBC"}) {
    CAPTURE(bad);
    CHECK_FALSE(decode_xtext(bad));
  }
  CHECK(decode_xtext_utf8("a+2B+C3+BC") == "a+\xC3\xBC");
  for (const std::string_view bad : {"+80", "+C3", "+C3y", "+C0+AF", "+C3+BC+0A", "\xC3\xBC"}) {
    CAPTURE(bad);
    CHECK_FALSE(decode_xtext_utf8(bad));
  }
}

}  // namespace
}  // namespace cordon::smtp
