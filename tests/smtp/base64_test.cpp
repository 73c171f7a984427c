#include "smtp/base64.h"

#include <doctest/doctest.h>

using namespace cordon::smtp;

TEST_CASE("the vectors of RFC 4648 section 10 hold both ways") {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [octets, text] : vectors) {
    CHECK(encode_base64(octets) == text);
    CHECK(decode_base64(text) == octets);
  }
}

TEST_CASE("every octet survives") {
  std::string octets;
  for (int i = 0; i < 256; ++i) octets += static_cast<char>(i);
  CHECK(decode_base64(encode_base64(octets)) == octets);
}

TEST_CASE("text that is no strict base64 is refused") {
  for (const char* text : {"Zg", "Zg=", "Zg===", "Z===", "Zm9v\n", "Zh==", "Zm9*", "=Zg="}) {
    CAPTURE(text);
    CHECK_FALSE(decode_base64(text));
  }
}
