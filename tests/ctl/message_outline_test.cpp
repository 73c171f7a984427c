#include "ctl/message_outline.h"

#include <sstream>

#include <doctest/doctest.h>

#include "ctl/console.h"
#include "ctl/exit_code.h"
#include "ctl/part_rows.h"
#include "tests/ctl/fake_asked.h"

using namespace cordon;
using namespace cordon::ctl;
using cordon::tests::FakeAsked;
using wire::Command;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr const char* digest_of_abc =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

// Each part as "number type octets {remarks}".
std::string tree(const MessageOutline& outline) {
  std::string out;
  for (const MessagePart& part : outline.parts) {
    out += part.number + " " + part.content_type + " " + std::to_string(part.octets);
    for (const std::string& remark : part.remarks) out += " {" + remark + "}";
    out += '\n';
  }
  return out;
}
std::string tree(std::string_view content) { return tree(outline_of(content)); }

std::string multipart(const std::string& boundary, const std::string& type = "mixed") {
  return "Content-Type: multipart/" + type + "; boundary=" + boundary + "\r\n\r\n";
}

const std::string with_attachment =
    "Received: x\r\n" + multipart("b") +
    "preamble\r\n"
    "--b\r\n"
    "\r\n"
    "hello\r\n"
    "--b\r\n"
    "Content-Type: Application/X-Msdownload; name=\"a.txt\"\r\n"
    "Content-Transfer-Encoding: Base64\r\n"
    "Content-Disposition: attachment; filename*=utf-8''%1B%5B2Jtxt.%E2%80%AEexe\r\n"
    "\r\n"
    "YWJj\r\n"
    "--b--\r\n"
    "epilogue\r\n";

}  // namespace

TEST_CASE("a plain message is one part") {
  const MessageOutline outline = outline_of("Received: x\r\nSubject: y\r\n\r\nabc");
  CHECK(tree(outline) == "1 text/plain 3\n");
  CHECK(outline.parts[0].sha256 == digest_of_abc);
  CHECK(outline.notes.empty());
}

TEST_CASE("no content is an empty part") {
  CHECK(tree("") == "1 text/plain 0\n");
  CHECK(tree("\r\n") == "1 text/plain 0\n");
  CHECK(tree("Subject: x") == "1 text/plain 0\n");
}

TEST_CASE("an attachment is told by its name, size and digest") {
  const MessageOutline outline = outline_of(with_attachment);
  REQUIRE(outline.parts.size() == 3);
  CHECK(outline.parts[0].sha256.empty());
  CHECK(outline.parts[1].number == "1.1");
  CHECK(outline.parts[1].octets == 5);
  const MessagePart& file = outline.parts[2];
  CHECK(file.number == "1.2");
  CHECK(file.content_type == "application/x-msdownload");
  CHECK(file.encoding == "base64");
  CHECK(file.file_name ==
        "\x1b[2Jtxt.\u202e"
        "exe");
  CHECK(file.octets == 4);
  CHECK(file.decoded_octets == 3);
  CHECK(file.sha256 == digest_of_abc);
  CHECK(file.remarks == std::vector<std::string>{"also named \"a.txt\""});
}

TEST_CASE("a message within a message is looked into") {
  const std::string content = multipart("outer") +
                              "--outer\r\n"
                              "Content-Type: message/rfc822\r\n"
                              "\r\n"
                              "Subject: inner\r\n" +
                              multipart("inner", "alternative") +
                              "--inner\r\n\r\na\r\n"
                              "--inner\r\nContent-Type: text/html\r\n\r\nbc\r\n"
                              "--inner--\r\n"
                              "--outer\r\n\r\nlast\r\n"
                              "--outer--\r\n";
  CHECK(tree(content) ==
        "1 multipart/mixed 205\n"
        "1.1 message/rfc822 134\n"
        "1.1.1 multipart/alternative 63\n"
        "1.1.1.1 text/plain 1\n"
        "1.1.1.2 text/html 2\n"
        "1.2 text/plain 4\n");
  CHECK(outline_of(content).parts[1].sha256.size() == 64);
}

TEST_CASE("the parts of a digest are messages") {
  CHECK(tree(multipart("b", "digest") + "--b\r\n\r\nSubject: x\r\n\r\ny\r\n--b--\r\n") ==
        "1 multipart/digest 31\n"
        "1.1 message/rfc822 15\n"
        "1.1.1 text/plain 1\n");
}

TEST_CASE("an inner multipart that is not closed hides nothing that follows") {
  CHECK(tree(multipart("o") + "--o\r\n" + multipart("i") +
             "--i\r\n\r\na\r\n"
             "--o\r\n\r\nb\r\n--o--\r\n") ==
        "1 multipart/mixed 77\n"
        "1.1 multipart/mixed 8 {not closed}\n"
        "1.1.1 text/plain 1\n"
        "1.2 text/plain 1\n");
}

TEST_CASE("malformed boundaries are told, and parts found as far as there are any") {
  CHECK(tree("Content-Type: multipart/mixed\r\n\r\n--b\r\n") ==
        "1 multipart/mixed 5 {names no boundary}\n");
  CHECK(tree(multipart("b") + "--c\r\n\r\nx\r\n--c--\r\n") ==
        "1 multipart/mixed 17 {its boundary is nowhere in it}\n");
  CHECK(tree(multipart("b") + "--b") ==
        "1 multipart/mixed 3 {not closed}\n"
        "1.1 text/plain 0\n");
  CHECK(tree(multipart("b") + "--b--\r\n--b\r\n\r\nx\r\n") ==
        "1 multipart/mixed 17 {parts follow its end} {not closed}\n"
        "1.1 text/plain 3\n");
  // Not at the beginning of a line.
  CHECK(tree(multipart("b") + "--b\r\n\r\nx --b\r\n--b--") ==
        "1 multipart/mixed 19\n"
        "1.1 text/plain 5\n");
  // The header ends in the boundary.
  CHECK(tree(multipart("b") + "--b\r\nContent-Type: message/rfc822\r\n--b\r\n--b--\r\n") ==
        "1 multipart/mixed 47\n"
        "1.1 message/rfc822 0\n"
        "1.1.1 text/plain 0\n"
        "1.2 text/plain 0\n");
  CHECK(tree(multipart("b") + "--b\r\nno field\r\n--b--") ==
        "1 multipart/mixed 20\n"
        "1.1 text/plain 8 {its header ends without an empty line}\n");
}

TEST_CASE("where one boundary begins with another the longer one is meant") {
  CHECK(tree(multipart("bb") + "--bb\r\n" + multipart("b") +
             "--b\r\n\r\na\r\n--b--\r\n--bb\r\n\r\nc\r\n--bb--\r\n") ==
        "1 multipart/mixed 87\n"
        "1.1 multipart/mixed 15\n"
        "1.1.1 text/plain 1\n"
        "1.2 text/plain 1\n");
}

TEST_CASE("an encoded multipart or message is not looked into") {
  CHECK(tree("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJj") ==
        "1 message/rfc822 4 {encoded as no message may be, and not looked into}\n");
}

TEST_CASE("bare line feeds end lines, too") {
  CHECK(tree("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n") ==
        "1 multipart/mixed 13\n"
        "1.1 text/plain 1\n");
}

TEST_CASE("messages nested 10,000 deep are looked into as far as the limit") {
  std::string content;
  for (int i = 0; i < 10'000; ++i) content += "Content-Type: message/rfc822\r\n\r\n";
  const MessageOutline outline = outline_of(content);
  REQUIRE(outline.parts.size() == max_outline_depth);
  CHECK(outline.parts.back().remarks ==
        std::vector<std::string>{"nested too deep to be looked into"});
  CHECK(outline.parts.back().sha256.size() == 64);
}

TEST_CASE("multiparts nested 10,000 deep are looked into as far as the limit") {
  std::string content = multipart("0");
  for (int i = 1; i < 10'000; ++i) {
    content += "--" + std::to_string(i - 1) + "\r\n" + multipart(std::to_string(i));
  }
  const MessageOutline outline = outline_of(content);
  CHECK(outline.parts.size() <= max_outline_parts);
  for (const MessagePart& part : outline.parts) {
    CHECK(std::count(part.number.begin(), part.number.end(), '.') < 20);
  }
}

TEST_CASE("the outline of very many parts is cut off with a note") {
  std::string content = multipart("b");
  for (int i = 0; i < 10'000; ++i) content += "--b\r\n\r\nx\r\n";
  const MessageOutline outline = outline_of(content);
  CHECK(outline.parts.size() == max_outline_parts);
  CHECK(outline.notes ==
        std::vector<std::string>{"The outline ends after 200 parts; there are more."});
  CHECK(outline.parts[0].remarks == std::vector<std::string>{"its end is not in the outline"});
  CHECK(outline.parts[199].number == "1.199");
  CHECK(outline.parts[199].octets == 1);
}

TEST_CASE("a part whose end was not read has no digest") {
  const MessageOutline outline =
      outline_of(multipart("b") + "--b\r\n\r\nabc\r\n--b\r\n\r\nabc", true);
  CHECK(tree(outline) ==
        "1 multipart/mixed 22 {its end is not in the outline}\n"
        "1.1 text/plain 3\n"
        "1.2 text/plain 3 {its end is not in the outline}\n");
  CHECK(outline.parts[1].sha256 == digest_of_abc);
  CHECK(outline.parts[2].sha256.empty());
  CHECK(outline.notes ==
        std::vector<std::string>{"The outline ends at 67 octets; the message goes on."});
}

// ---- for the operator

namespace {

struct Bench {
  FakeAsked gateway;
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  ConsoleOptions options;

  int print() {
    return Console(gateway, {in, out, err, false, false, false}, options)
        .print_parts(Command::quarantine_export, "17");
  }
};

}  // namespace

TEST_CASE("the operator sees a table of the parts, and no control of the sender's") {
  Bench bench;
  // In pieces, as it comes.
  bench.gateway.rows[Command::quarantine_export] = {
      wire::ContentRow{{17}, 0, with_attachment.substr(0, 100)},
      wire::ContentRow{{17}, 100, with_attachment.substr(100)}};
  CHECK(bench.print() == exit_done);
  CHECK(bench.gateway.asked.back() == R"(quarantine.export {"ids":["17"]})");
  const std::string text = bench.out.str();
  CHECK(text.starts_with("\nParts\nPART  TYPE                      ENCODING  OCTETS  DECODED  "));
  CHECK(text.find("\n1.2   application/x-msdownload  base64         4        3  " +
                  std::string(digest_of_abc) + "  ?[2Jtxt.?exe  also named \"a.txt\"\n") !=
        std::string::npos);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(bench.err.str().empty());
}

TEST_CASE("--json gives a row a part, in ASCII, and a row a note") {
  std::ostringstream out;
  MessageOutline outline = outline_of(with_attachment);
  outline.parts.erase(outline.parts.begin());
  outline.parts.back().file_name += "\xff";
  outline.notes = {"n"};
  print_parts_as_json(outline, out);
  CHECK(out.str() ==
        "{\"type\":\"part\",\"part\":\"1.1\",\"content_type\":\"text/plain\",\"octets\":5,"
        "\"decoded_octets\":5,\"sha256\":"
        "\"2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\"}\n"
        "{\"type\":\"part\",\"part\":\"1.2\",\"content_type\":\"application/x-msdownload\","
        "\"file_name\":\"\\u001b[2Jtxt.\\u202eexe\\ufffd\",\"encoding\":\"base64\",\"octets\":4,"
        "\"decoded_octets\":3,\"sha256\":\"" +
            std::string(digest_of_abc) +
            "\",\"remarks\":[\"also named \\\"a.txt\\\"\"]}\n"
            "{\"type\":\"note\",\"text\":\"n\"}\n");
}

TEST_CASE("no more than 25 MiB of content is kept, and that is said") {
  Bench bench;
  const std::string piece(wire::content_piece, 'x');
  auto& rows = bench.gateway.rows[Command::quarantine_export];
  rows.emplace_back(wire::ContentRow{{17}, 0, "\r\n"});
  for (std::size_t octets = 0; octets <= max_outline_octets; octets += piece.size()) {
    rows.emplace_back(wire::ContentRow{{17}, 2 + octets, piece});
  }
  CHECK(bench.print() == exit_done);
  CHECK(bench.err.str() == "The outline ends at 26214400 octets; the message goes on.\n");
  CHECK(bench.out.str().find("26214398") != std::string::npos);
}

TEST_CASE("who may not see content does not see what it is made of") {
  Bench bench;
  Outcome refused;
  refused.error = wire::ErrorReply{0, wire::ErrorCode::not_permitted, "role review is needed"};
  bench.gateway.outcomes[Command::quarantine_export] = refused;
  CHECK(bench.print() == exit_not_permitted);
  CHECK(bench.out.str().empty());
}

// ---- any octets

namespace {

void replay(std::string_view content) {
  for (const char first : {'0', '1'}) {  // whole, and cut off
    const std::string input = first + std::string(content);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
  }
}

}  // namespace

TEST_CASE("a message cut anywhere, or with any octet changed, has an outline") {
  const std::string content = with_attachment + multipart("b") + "--b\r\n\r\n";
  for (std::size_t size = 0; size <= content.size(); ++size) {
    replay(std::string_view(content).substr(0, size));
  }
  for (const char odd : {'\0', '\n', '\r', '-', '"', ';', '=', '|', '\xff', '('}) {
    for (std::size_t at = 0; at < content.size(); ++at) {
      std::string changed = content;
      changed[at] = odd;
      replay(changed);
    }
  }
}

TEST_CASE("what once broke readers of MIME has an outline") {
  for (const std::string& content :
       {std::string(100'000, '-'), std::string("\0\0", 2), std::string("Content-Type:\r\n\r\n"),
        "Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n\r\n--\r\n----\r\n" + std::string(),
        multipart("\"\"") + "--\r\n--\r\n", multipart("--") + "------\r\n----\r\n",
        "Content-Type: a/b; " + std::string(100'000, '(') + "\r\n\r\n",
        "Content-Type: " + std::string(100'000, '/') + "\r\n\r\n",
        "Content-Disposition: x; filename=\"" + std::string(100'000, '\\') + "\r\n\r\n",
        "Content-Disposition: x; filename*0*=''%; filename*0*='; filename*==\r\n\r\n" +
            std::string(),
        "Content-Transfer-Encoding: base64\r\n\r\n" + std::string(5, '='),
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n=\r\n= =\r\r\n=\t=A" + std::string()}) {
    replay(content);
  }
}
