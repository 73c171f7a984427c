#include "ctl/part_header.h"

#include <doctest/doctest.h>

using namespace cordon::ctl;
using Remarks = std::vector<std::string>;

namespace {

// Lines parted by LF.
PartHeader read(std::string_view lines) {
  PartHeaderLines header;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    CHECK(header.take(lines.substr(0, end)));
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return header.read();
}

std::string name_in(const std::string& parameters) {
  return read("Content-Disposition: attachment; " + parameters).file_name;
}

}  // namespace

TEST_CASE("type, boundary, name and encoding are read, whatever their case and folding") {
  const PartHeader header = read(
      "Subject: x\n"
      "CONTENT-TYPE: Multipart/Mixed;\n"
      "\tcharset=utf-8; Boundary=\"a b\"\n"
      "content-disposition: attachment; FileName=f.txt\n"
      "Content-Transfer-Encoding : BASE64 (as ever)");
  CHECK(header.type == "multipart/mixed");
  CHECK(header.boundary == "a b");
  CHECK(header.file_name == "f.txt");
  CHECK(header.encoding == "base64");
  CHECK(header.remarks.empty());
}

TEST_CASE("a semicolon within quotes, a comment and an escaped quote do not hide a boundary") {
  CHECK(read("Content-Type: multipart/mixed; boundary=\"a;b\"").boundary == "a;b");
  CHECK(read("Content-Type: multipart/mixed (;); (x) boundary=b").boundary == "b");
  CHECK(read("Content-Type: multipart/mixed; x=\"\\\";\"; boundary=b").boundary == "b");
  CHECK(read("Content-Type: multipart/mixed; boundary=\"b  \"").boundary == "b");
  CHECK(read("Content-Type: multipart/mixed; boundary*0=a; boundary*1=b").boundary == "ab");
}

TEST_CASE("file names are decoded (RFC 2231, and RFC 2047 as it is misused)") {
  CHECK(name_in("filename=\"report (1).pdf\"") == "report (1).pdf");
  CHECK(name_in("filename=report(1).pdf") == "report(1).pdf");
  CHECK(name_in("filename*=utf-8''%c3%a4.exe; filename=a.txt") == "\u00e4.exe");
  CHECK(name_in("filename*=iso-8859-1'de'%E4") == "\u00e4");
  CHECK(name_in("filename*1*=%2Eexe; filename*0*=us-ascii''a%20b; filename*2=\"c;d\"") ==
        "a b.exec;d");
  CHECK(name_in("filename*0=a; filename*2=c") == "a");
  CHECK(name_in("filename*=x-odd''%c3") == "\xc3");
  CHECK(name_in("filename*=utf-8''%4") == "%4");
  CHECK(name_in("filename=\"=?utf-8?B?w6Q=?=.exe\"") == "\u00e4.exe");
  CHECK(name_in("filename=\"C:\\dir\\f.exe\"") == "C:\\dir\\f.exe");
  CHECK(name_in("filename=\"a\\\"b\"") == "a\"b");
  CHECK(read("Content-Type: a/b; name=\"n.doc\"").file_name == "n.doc");
}

TEST_CASE("what mail programs may read differently is said") {
  const PartHeader header = read(
      "Content-Type: text/plain; name=a.txt; boundary=x; boundary=y\n"
      "Content-Disposition: attachment; filename=a.exe\n"
      "Content-Type: application/octet-stream");
  CHECK(header.type == "text/plain");
  CHECK(header.file_name == "a.exe");
  CHECK(header.remarks == Remarks{"more than one boundary is named", "also named \"a.txt\"",
                                  "more than one content-type"});
}

TEST_CASE("odd fields are read as far as they go") {
  CHECK(read("").type.empty());
  CHECK(read("Content-Type:").type.empty());
  CHECK(read("Content-Type: /").type.empty());
  CHECK(read("Content-Type: text").type == "text/");
  CHECK(read("Content-Type: multipart/mixed boundary=x").type == "multipart/mixed");
  CHECK(read("Content-Type: ;;;=;=\"").type.empty());
  CHECK(read("Content-Type: a/b; name=\"unclosed").file_name == "\"unclosed");
  CHECK(read("Content-Type: a/b (unclosed ; name=x").type == "a/b");
  CHECK(read("Content-Disposition: attachment; filename*99999999999=x").file_name.empty());
  CHECK(read(std::string_view("Content-Type: multipart\0/x\x01", 27)).type == "multipart?/x?");
}

TEST_CASE("a line that is no field ends the header") {
  PartHeaderLines header;
  CHECK_FALSE(header.take(" folded from nothing"));
  CHECK(header.take("A: b"));
  CHECK(header.take(" folded"));
  CHECK_FALSE(header.take("no field"));
  CHECK_FALSE(header.take("two words: x"));
  CHECK_FALSE(header.take(": x"));
}

TEST_CASE("a header without end is not kept") {
  PartHeaderLines header;
  CHECK(header.take("Content-Type: a/b; name=first"));
  for (int i = 0; i < 1000; ++i) header.take(" ; x=" + std::string(1000, 'a'));
  const PartHeader read = header.read();
  CHECK(read.type == "a/b");
  CHECK(read.file_name == "first");
  CHECK(read.remarks == Remarks{"a header too long to be read whole"});
}
