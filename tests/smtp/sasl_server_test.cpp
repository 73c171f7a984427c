// The server's side of AUTH's mechanisms, and that secrets do not lie about.
#include "smtp/sasl_server.h"

#include <algorithm>
#include <new>
#include <string>

#include <doctest/doctest.h>

#include "smtp/base64.h"
#include "smtp/line_reader.h"

namespace cordon::smtp {
namespace {

using namespace std::string_view_literals;

struct Taken {
  SaslStep step;
  Credentials credentials;
};

Taken take(Mechanism mechanism, std::string_view message) {
  SaslServer sasl(mechanism);
  const SaslStep step = sasl.begin(message.empty() ? "=" : encode_base64(message));
  return {step, sasl.credentials()};
}

Credentials of(Mechanism mechanism, std::string_view authorize_as, std::string_view user,
               std::string_view secret) {
  Credentials credentials;
  credentials.mechanism = mechanism;
  credentials.authorize_as = authorize_as;
  credentials.user = user;
  credentials.secret = secret;
  return credentials;
}

TEST_CASE("PLAIN reads the examples of RFC 4616 section 4") {
  const Taken plain = take(Mechanism::plain, "\0tim\0tanstaaftanstaaf"sv);
  CHECK(plain.step == SaslStep::done);
  CHECK(plain.credentials == of(Mechanism::plain, "", "tim", "tanstaaftanstaaf"));
  const Taken proxied = take(Mechanism::plain, "Ursel\0Kurt\0xipj3plmq"sv);
  CHECK(proxied.credentials == of(Mechanism::plain, "Ursel", "Kurt", "xipj3plmq"));
}

TEST_CASE("PLAIN wants exactly two NULs, a name that is text, and no empty part") {
  for (const auto& [message, step] : {std::pair{""sv, SaslStep::malformed},
                                      {"tim"sv, SaslStep::malformed},
                                      {"\0tim"sv, SaslStep::malformed},
                                      {"\0tim\0a\0b"sv, SaslStep::malformed},
                                      {"\0tim\0a\0"sv, SaslStep::malformed},
                                      {"\0t\nim\0a"sv, SaslStep::malformed},
                                      {"x\ry\0tim\0a"sv, SaslStep::malformed},
                                      {"\0\xC3\0a"sv, SaslStep::malformed},
                                      {"\0\0secret"sv, SaslStep::empty},
                                      {"\0tim\0"sv, SaslStep::empty},
                                      {"\0\0"sv, SaslStep::empty},
                                      {"\0j\xC3\xBCrgen\0\xFF"sv, SaslStep::done}}) {
    const std::string said(message);
    CAPTURE(said);
    const Taken taken = take(Mechanism::plain, said);
    CHECK(taken.step == step);
    if (step != SaslStep::done) CHECK(taken.credentials.secret.empty());
  }
}

TEST_CASE("LOGIN asks for both, or for the password alone if the name came at once") {
  SaslServer asked(Mechanism::login);
  CHECK(asked.begin(std::nullopt) == SaslStep::challenge);
  CHECK(decode_base64(asked.challenge()) == "Username:");
  CHECK(asked.respond("YWxpY2U=") == SaslStep::challenge);
  CHECK(decode_base64(asked.challenge()) == "Password:");
  CHECK(asked.respond("cHcgMQ==") == SaslStep::done);
  CHECK(asked.credentials() == of(Mechanism::login, "", "alice", "pw 1"));

  SaslServer at_once(Mechanism::login);
  CHECK(at_once.begin("YWxpY2U=") == SaslStep::challenge);
  CHECK(decode_base64(at_once.challenge()) == "Password:");
  CHECK(at_once.respond("") == SaslStep::empty);
  CHECK(take(Mechanism::login, "a\0b"sv).step == SaslStep::malformed);
  CHECK(take(Mechanism::login, "").step == SaslStep::empty);
}

TEST_CASE("XOAUTH2 carries a name and a token") {
  const Taken taken = take(Mechanism::xoauth2,
                           "user=someuser@example.com\x01"
                           "auth=Bearer ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg\x01\x01"sv);
  CHECK(taken.step == SaslStep::done);
  CHECK(taken.credentials == of(Mechanism::xoauth2, "", "someuser@example.com",
                                "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"));
  for (const auto& [message, step] : {std::pair{"user=a\x01"
                                                "auth=Bearer x\x01"sv,
                                                SaslStep::malformed},
                                      {"user=a\x01"
                                       "auth=Bearer x\x01\x01\x01"sv,
                                       SaslStep::malformed},
                                      {"user=a\x01"
                                       "auth=Basic x\x01\x01"sv,
                                       SaslStep::malformed},
                                      {"user=a\x01"
                                       "auth=Bearer \x01\x01"sv,
                                       SaslStep::malformed},
                                      {"user=a\x01"
                                       "auth=Bearer x y\x01\x01"sv,
                                       SaslStep::malformed},
                                      {"user=a\x01"
                                       "auth=Bearer x\r\n\x01\x01"sv,
                                       SaslStep::malformed},
                                      {"auth=Bearer x\x01user=a\x01\x01"sv, SaslStep::malformed},
                                      {"user=\x01"
                                       "auth=Bearer x\x01\x01"sv,
                                       SaslStep::empty}}) {
    const std::string said(message);
    CAPTURE(said);
    CHECK(take(Mechanism::xoauth2, said).step == step);
  }
}

TEST_CASE("OAUTHBEARER reads the example of RFC 7628 section 4.1, and names with = and , in them") {
  SaslServer example(Mechanism::oauthbearer);
  CHECK(example.begin("bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1"
                      "dGg9QmVhcmVyI"
                      "HZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB") ==
        SaslStep::done);
  CHECK(example.credentials() == of(Mechanism::oauthbearer, "", "user@example.com",
                                    "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="));
  CHECK(take(Mechanism::oauthbearer,
             "y,a=a=2Cb=3Dc,\x01"
             "auth=bearer t\x01\x01"sv)
            .credentials.user == "a,b=c");
  CHECK(take(Mechanism::oauthbearer,
             "n,,\x01"
             "auth=Bearer t\x01\x01"sv)
            .step == SaslStep::done);
  for (const auto& message : {"n,,\x01\x01"sv,
                              "p=tls-unique,,\x01"
                              "auth=Bearer t\x01\x01"sv,
                              "n,\x01"
                              "auth=Bearer t\x01\x01"sv,
                              "n,b=x,\x01"
                              "auth=Bearer t\x01\x01"sv,
                              "n,a=x=2,\x01"
                              "auth=Bearer t\x01\x01"sv,
                              "n,a=x=00,\x01"
                              "auth=Bearer t\x01\x01"sv,
                              "n,,auth=Bearer t\x01\x01"sv,
                              "n,,\x01"
                              "auth=Bearer t\x01"sv,
                              "n,,\x01"
                              "auth=Bearer t\x01"
                              "auth=Bearer u\x01\x01"sv,
                              "n,,\x01"
                              "auth=Bearer t\x01\x01"
                              "host=x\x01"sv,
                              "n,,\x01"
                              "host\x01"
                              "auth=Bearer t\x01\x01"sv,
                              "\x01"sv}) {
    CAPTURE(message);
    CHECK(take(Mechanism::oauthbearer, message).step == SaslStep::malformed);
  }
}

TEST_CASE("an exchange can be cancelled, and what is no base64 is told") {
  for (const Mechanism mechanism :
       {Mechanism::plain, Mechanism::login, Mechanism::xoauth2, Mechanism::oauthbearer}) {
    SaslServer sasl(mechanism);
    CHECK(sasl.begin(std::nullopt) == SaslStep::challenge);
    CHECK(sasl.respond("*") == SaslStep::cancelled);
    CHECK(sasl.respond("YQ") == SaslStep::undecodable);
    CHECK(sasl.respond("Y Q=") == SaslStep::undecodable);
    CHECK(mechanism_named(name_of(mechanism)) == mechanism);
  }
  CHECK(mechanism_named("oauthBearer") == Mechanism::oauthbearer);
  CHECK_FALSE(mechanism_named("CRAM-MD5"));
  CHECK_FALSE(mechanism_named(""));
}

// ---- what is left in memory

bool all_zero(const char* octets, std::size_t size) {
  return std::all_of(octets, octets + size, [](char c) { return c == '\0'; });
}

TEST_CASE("what is wiped is gone, up to the end of its buffer") {
  std::string text(100, 'x');
  text.resize(10);  // ninety more are still there
  const char* const octets = text.data();
  wipe(text);
  CHECK(text.empty());
  CHECK(all_zero(octets, 100));
}

TEST_CASE("credentials leave nothing behind where they were moved from") {
  alignas(Credentials) char place[sizeof(Credentials)] = {};
  auto* const one = new (place) Credentials(of(Mechanism::plain, "", "tim", "tanstaaf"));
  Credentials other(std::move(*one));
  CHECK(std::string_view(place, sizeof place).find("tanstaaf") == std::string_view::npos);
  *one = of(Mechanism::plain, "", "tim", "tanstaaf");
  other = std::move(*one);
  CHECK(std::string_view(place, sizeof place).find("tanstaaf") == std::string_view::npos);
  *one = other;
  CHECK(std::string_view(place, sizeof place).find("tanstaaf") != std::string_view::npos);
  one->~Credentials();
  CHECK(other.secret == "tanstaaf");
}

TEST_CASE("a line that came in pieces is wiped once it was used") {
  LineReader reader(2048);
  for (std::string_view piece : {"AUTH PLAIN AHRpbQB0YW5zdGFh", "ZnRhbnN0YWFm"}) {
    CHECK_FALSE(reader.take(piece));
  }
  const char* const octets = reader.held_front().data();
  const std::size_t size = reader.held();
  REQUIRE(reader.heap_octets() >= size + 2);  // the end of the line will fit behind
  std::string_view input = "\r\n";
  CHECK(reader.take(input)->text.ends_with("YWFm"));
  CHECK_FALSE(reader.take(input));
  CHECK(all_zero(octets, size));
}

}  // namespace
}  // namespace cordon::smtp
