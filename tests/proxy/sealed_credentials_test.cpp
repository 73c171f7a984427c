// Sealed credentials, octet by octet, and all that must not open them.
#include "proxy/sealed_credentials.h"

#include <doctest/doctest.h>

namespace cordon::proxy {
namespace {

using namespace std::string_literals;

constexpr store::MessageId message{0x0102030405};
constexpr SealNonce nonce{0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab};

store::MessageKey key() {
  store::MessageKey made;
  for (std::size_t i = 0; i < made.octets.size(); ++i)
    made.octets[i] = static_cast<std::uint8_t>(i);
  return made;
}

smtp::Credentials credentials(std::string secret = "s3cret") {
  smtp::Credentials given;
  given.user = "ann";
  given.secret = std::move(secret);
  return given;
}

std::string octets(const std::vector<unsigned>& values) {
  std::string text;
  for (const unsigned value : values) text += static_cast<char>(value);
  return text;
}

TEST_CASE("the text within has these octets") {
  smtp::Credentials given = credentials();
  CHECK(write_credentials(given) ==
        "\x01\0\0\0\0\0\0\0\x03"s + "ann\0\0\0\x06s3cret"s + std::string(42, '\0'));
  given.mechanism = smtp::Mechanism::oauthbearer;
  given.authorize_as = "boss";
  CHECK(write_credentials(given) ==
        "\x08\0\0\0\x04"s + "boss\0\0\0\x03"s + "ann\0\0\0\x06s3cret"s + std::string(38, '\0'));
}

TEST_CASE("what is sealed has these octets, as another program computed them, and opens") {
  // AESGCM of Python's cryptography 48.0 gave the last 80.
  const std::string expected =
      "\x01\xa0\xa1\xa2\xa3\xa4\xa5\xa6\xa7\xa8\xa9\xaa\xab"s +
      octets({0xe7, 0x18, 0x7c, 0x2d, 0x45, 0xcb, 0x02, 0xbf, 0x61, 0x04, 0xe9, 0xbd, 0x07, 0x7a,
              0xc0, 0xd8, 0x03, 0x9f, 0x3a, 0x62, 0xf7, 0xc3, 0x42, 0x6c, 0x9c, 0x0e, 0x26, 0x86,
              0x7f, 0xab, 0x75, 0x01, 0xd2, 0x76, 0x47, 0xff, 0xaf, 0x22, 0x53, 0x3d, 0x5f, 0x9c,
              0x04, 0xc8, 0x09, 0x7a, 0x83, 0xf9, 0x47, 0x1b, 0x46, 0x48, 0x62, 0xd0, 0x1a, 0x7e,
              0x41, 0x5e, 0x0b, 0x5e, 0xa4, 0x70, 0x85, 0xb0, 0xb7, 0xa7, 0x92, 0x18, 0x7a, 0xc1,
              0x6d, 0xc2, 0x3e, 0x89, 0x1a, 0x20, 0x08, 0x19, 0x95, 0x07});
  CHECK(seal_credentials(key(), nonce, message, credentials()) == expected);
  CHECK(open_credentials(key(), message, expected) == credentials());
}

TEST_CASE("credentials come back with every field") {
  for (const auto mechanism : {smtp::Mechanism::plain, smtp::Mechanism::login,
                               smtp::Mechanism::xoauth2, smtp::Mechanism::oauthbearer}) {
    smtp::Credentials given = credentials(std::string(3000, 's') + "\xff\x01");
    given.mechanism = mechanism;
    given.authorize_as = "j\xc3\xb6rg";
    given.user = mechanism == smtp::Mechanism::oauthbearer ? "" : "ann@client.example";
    CHECK(open_credentials(key(), message, seal_credentials(key(), nonce, message, given)) ==
          given);
  }
}

TEST_CASE("neither the secret nor its length can be seen") {
  const std::string one = seal_credentials(key(), nonce, message, credentials("a"));
  const std::string other = seal_credentials(key(), nonce, message, credentials("a longer one"));
  CHECK(one.size() == other.size());
  CHECK(other.find("longer") == std::string::npos);
  CHECK(other.find("ann") == std::string::npos);
}

TEST_CASE("nothing else opens it") {
  const std::string sealed = seal_credentials(key(), nonce, message, credentials());
  SUBCASE("another message's row") {
    CHECK_FALSE(open_credentials(key(), store::MessageId{0x0102030406}, sealed));
  }
  SUBCASE("another key") {
    store::MessageKey other = key();
    other.octets.back() ^= 1;
    CHECK_FALSE(open_credentials(other, message, sealed));
  }
  SUBCASE("any changed octet") {
    for (std::size_t i = 0; i < sealed.size(); ++i) {
      CAPTURE(i);
      std::string changed = sealed;
      changed[i] ^= 1;
      CHECK_FALSE(open_credentials(key(), message, changed));
    }
  }
  SUBCASE("any part of it, or more") {
    for (std::size_t octets_left = 0; octets_left < sealed.size(); ++octets_left)
      CHECK_FALSE(open_credentials(key(), message, sealed.substr(0, octets_left)));
    CHECK_FALSE(open_credentials(key(), message, sealed + '\0'));
  }
}

TEST_CASE("a text that was never written so is no credentials") {
  const std::string good = write_credentials(credentials());
  REQUIRE(read_credentials(good) == credentials());
  const auto changed = [&](std::size_t place, char octet) {
    std::string text = good;
    text[place] = octet;
    return read_credentials(text);
  };
  CHECK_FALSE(changed(0, 0));
  CHECK_FALSE(changed(0, 3));
  CHECK_FALSE(changed(1, '\xff'));  // a length beyond the end
  CHECK_FALSE(changed(4, 60));      // nothing left for the next length
  CHECK_FALSE(changed(15, 5));      // one too short: padding that is not zeros
  CHECK_FALSE(changed(63, 1));
  CHECK_FALSE(read_credentials(good + std::string(64, '\0')));
  CHECK_FALSE(read_credentials(good.substr(0, 63)));
  CHECK_FALSE(read_credentials(""));
}

}  // namespace
}  // namespace cordon::proxy
