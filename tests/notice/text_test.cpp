// Header text: what is let through, and in which form.
#include "smtp/notice/text.h"

#include <string>

#include <doctest/doctest.h>

#include "smtp/notice/transfer.h"

namespace cordon::notice {
namespace {

constexpr WallTime at{std::chrono::milliseconds{1795319982123}};  // 2026-11-22 03:59:42.123 UTC

std::string decoded(std::string_view header) { return clean_text(decode_words(header), 200); }

}  // namespace

TEST_CASE("dates are those of RFC 5322, in UTC") {
  CHECK(mail_date(at) == "Sun, 22 Nov 2026 03:59:42 +0000");
  CHECK(mail_date(WallTime{}) == "Thu, 01 Jan 1970 00:00:00 +0000");
  CHECK(mail_date(WallTime{std::chrono::milliseconds{-1}}) == "Wed, 31 Dec 1969 23:59:59 +0000");
  CHECK(readable_time(at) == "2026-11-22 03:59:42 UTC");
}

TEST_CASE("controls and bidirectional overrides are taken out of text") {
  CHECK(clean_text("a\x01\x1B[31mb\x7F", 99) == "a[31mb");
  CHECK(clean_text("invoice\xE2\x80\xAE"
                   "fdp.exe",
                   99) == "invoicefdp.exe");
  CHECK(clean_text("a\xE2\x81\xA6"
                   "b\xE2\x80\x8B"
                   "c\xF3\xA0\x81\x81"
                   "d",
                   99) == "abcd");
  CHECK(clean_text("a\xC2\x85"
                   "b",
                   99) == "ab");
}

TEST_CASE("white space, folds and line separators become single spaces") {
  CHECK(clean_text("  a\r\n\t b\xE2\x80\xA8"
                   "c\xC2\xA0 ",
                   99) == "a b c");
}

TEST_CASE("malformed UTF-8 becomes the replacement character") {
  CHECK(clean_text("a\xFF"
                   "b",
                   99) ==
        "a\xEF\xBF\xBD"
        "b");
  CHECK(clean_text("\xC0\xAF", 99) == "\xEF\xBF\xBD\xEF\xBF\xBD");  // overlong
  CHECK(clean_text("\xED\xA0\x80", 1) == "\xEF\xBF\xBD");           // surrogate
  CHECK(clean_text("\xF4\x90\x80\x80", 1) == "\xEF\xBF\xBD");       // above U+10FFFF
  CHECK(clean_text("\xE2\x82", 99) == "\xEF\xBF\xBD\xEF\xBF\xBD");  // cut off
}

TEST_CASE("text is cut by code points, never within one") {
  CHECK(clean_text("\xC3\xA4\xC3\xB6\xC3\xBC", 2) == "\xC3\xA4\xC3\xB6");
  CHECK(clean_text("ab cd", 3) == "ab");
  CHECK(clean_text("ab cd", 4) == "ab c");
  CHECK(clean_text("ab", 0).empty());
}

TEST_CASE("encoded words are decoded (examples of RFC 2047 section 8)") {
  CHECK(decoded("=?ISO-8859-1?Q?a?=") == "a");
  CHECK(decoded("=?ISO-8859-1?Q?a?= b") == "a b");
  CHECK(decoded("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=") == "ab");
  CHECK(decoded("=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=") == "ab");
  CHECK(decoded("=?ISO-8859-1?Q?a_b?=") == "a b");
  CHECK(decoded("=?ISO-8859-1?Q?Andr=E9?= Pirard") == "Andr\xC3\xA9 Pirard");
  CHECK(decoded("=?utf-8?b?w6TDtg==?=") == "\xC3\xA4\xC3\xB6");
  CHECK(decoded("=?windows-1252?Q?=80?=") == "\xE2\x82\xAC");
  CHECK(decoded("=?utf-8*de?Q?=C3=A4?=") == "\xC3\xA4");
}

TEST_CASE("a character split over two encoded words is put together") {
  CHECK(decoded("=?UTF-8?Q?=C3?= =?UTF-8?Q?=A4?=") == "\xC3\xA4");
}

TEST_CASE("an encoded word cannot smuggle a line break or a control") {
  CHECK(decoded("=?utf-8?Q?a=0D=0ABcc:_x=00?=") == "a Bcc: x");
  CHECK(decoded("=?utf-8?B?4oCu?=x") == "x");
}

TEST_CASE("what is no encoded word of a known charset stays as it is") {
  for (const char* text : {"=?x-evil?B?YWJj?=", "=?utf-8?X?abc?=", "=?utf-8?Q?abc", "=?",
                           "=?utf-8?Q", "=??Q?x?=", "=?utf-8?B", "a=?b"}) {
    CHECK(decoded(text) == text);
  }
}

TEST_CASE("what is encoded decodes to the same, on lines of at most 76 columns") {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "gr\xC3\xBC\xC3\x9F \xF0\x9F\x8E\xA3";
  const std::string encoded = encode_words(text, 9);
  CHECK(is_ascii(encoded));
  CHECK(decode_words(encoded) == text);
  std::size_t start = 0;
  std::size_t column = 9;
  while (start <= encoded.size()) {
    const std::size_t end = std::min(encoded.find("\r\n", start), encoded.size());
    CHECK(column + end - start <= 76);
    start = end + 2;
    column = 0;
  }
  CHECK(encode_words("plain", 9) == "plain");
  CHECK(decode_words(encode_words("=?utf-8?Q?a?=", 9)) == "=?utf-8?Q?a?=");
}

TEST_CASE("ASCII is folded before words, and a word without end is broken before 998 octets") {
  CHECK(fold(std::string(70, 'a') + " bcd efg", 9) == std::string(70, 'a') + "\r\n bcd efg");
  const std::string folded = fold(std::string(5000, 'a'), 9);
  for (std::size_t begin = 0; begin < folded.size();) {
    const std::size_t end = std::min(folded.find("\r\n", begin), folded.size());
    CHECK(end - begin <= 998 - 9);
    begin = end + 2;
  }
}

TEST_CASE("only strict message ids are repeated") {
  CHECK(is_message_id("<a.b$1@mail.example>"));
  CHECK(is_message_id("<a@[192.0.2.1]>"));
  for (const char* id :
       {"", "<>", "<@>", "<a@>", "<@b>", "<a>", "a@b", "<a@b", "<a b@c>", "<a@b>\r\nX: y",
        "<a@b@c>", "<\"q\"@c>", "<a@b><c@d>", "<a\xC3\xA4@b>", "<a@[b>", "<a,b@c>"}) {
    CHECK_FALSE(is_message_id(id));
  }
  CHECK_FALSE(is_message_id("<" + std::string(250, 'a') + "@b>"));
}

TEST_CASE("only plain addresses stand in headers") {
  CHECK(is_plain_address("a.b+c@mail.example"));
  CHECK(is_plain_address("a@[IPv6:2001:db8::1]"));
  for (const char* address : {"", "a", "@b", "a@", ".a@b", "a.@b", "a..b@c", "a b@c", "a@b>",
                              "a,b@c", "\"a\"@b", "a@b\r\n", "\xC3\xA4@b", "a@b..c"}) {
    CHECK_FALSE(is_plain_address(address));
  }
}

TEST_CASE("transfer encodings") {
  CHECK(to_base64("") == "");
  CHECK(to_base64("f") == "Zg==");
  CHECK(to_base64("fo") == "Zm8=");
  CHECK(to_base64("foo") == "Zm9v");
  CHECK(from_base64("Zm9vYmE=") == "fooba");
  CHECK(from_base64("Z m\r\n9v!") == "foo");
  CHECK(to_quoted_printable("a=b \r\n\xC3\xA4\t") == "a=3Db=20\r\n=C3=A4=09");
  CHECK(to_quoted_printable(std::string(80, 'x')) == std::string(75, 'x') + "=\r\nxxxxx");
}

}  // namespace cordon::notice
