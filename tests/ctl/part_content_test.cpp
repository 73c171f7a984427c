#include "ctl/part_content.h"

#include <doctest/doctest.h>

using namespace cordon::ctl;

namespace {

// Whether `body` decodes to `expected`, told by the digest of it as it is.
bool decodes(std::string_view encoding, std::string_view body, std::string_view expected) {
  const DecodedContent decoded = decoded_content(body, encoding);
  return decoded.known_encoding && decoded.octets == expected.size() &&
         decoded.sha256 == decoded_content(expected, "binary").sha256;
}

}  // namespace

TEST_CASE("the digest is SHA-256 (FIPS 180-4, example of one block)") {
  const DecodedContent decoded = decoded_content("abc", "7bit");
  CHECK(decoded.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(decoded.octets == 3);
}

TEST_CASE("base64 is decoded, and what is not of its alphabet passed over") {
  CHECK(decodes("base64", "", ""));
  CHECK(decodes("base64", "YWJj", "abc"));
  CHECK(decodes("base64", "YW\r\nJj\r\nZA==\r\n", "abcd"));
  CHECK(decodes("base64", "YWJjZA", "abcd"));
  CHECK(decodes("base64", "Y|W{J\x80j", "abc"));
  CHECK(decodes("base64", "YQ======", "a"));
  CHECK(decodes("base64", "====", ""));
  CHECK(decodes("base64", "AP8Q", std::string_view("\0\xff\x10", 3)));
}

TEST_CASE("quoted-printable is decoded with its line ends as they are") {
  CHECK(decodes("quoted-printable", "a=3Db\r\nc=\r\nd\n", "a=b\r\ncd\n"));
  CHECK(decodes("quoted-printable", "a \t\r\nb ", "a\r\nb"));
  CHECK(decodes("quoted-printable", "a =\r\nb= \r\nc", "a bc"));
  CHECK(decodes("quoted-printable", "=e2=82=AC", "\u20ac"));
  CHECK(decodes("quoted-printable", "=XY =4", "=XY =4"));
  CHECK(decodes("quoted-printable", "a=", "a"));
  CHECK(decodes("quoted-printable", "", ""));
}

TEST_CASE("an unknown encoding leaves the content as it is, and is told") {
  const DecodedContent decoded = decoded_content("abc", "x-uuencode");
  CHECK_FALSE(decoded.known_encoding);
  CHECK(decoded.octets == 3);
}
