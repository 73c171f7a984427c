// What the client says in AUTH, against the examples of the papers.
#include "smtp/sasl_client.h"

#include <doctest/doctest.h>

#include "smtp/base64.h"

namespace cordon::smtp {
namespace {

Credentials tim() {
  Credentials credentials;
  credentials.user = "tim";
  credentials.secret = "tanstaaftanstaaf";
  return credentials;
}

TEST_CASE("PLAIN tells all at once (RFC 4616 4)") {
  Credentials credentials = tim();
  SaslClient plain(credentials, Mechanism::plain);
  CHECK(plain.begin() == "AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n");
  credentials.authorize_as = "Ursel";
  credentials.user = "Kurt";
  credentials.secret = "xipj3plmq";
  SaslClient other(credentials, Mechanism::plain);
  CHECK(other.begin() == "AUTH PLAIN VXJzZWwAS3VydAB4aXBqM3BsbXE=\r\n");
  // A challenge where nothing is left to say is cancelled, once (RFC 4954 4).
  CHECK(other.answer() == "*\r\n");
  CHECK_FALSE(other.answer());
}

TEST_CASE("LOGIN answers two prompts, whatever they say") {
  const Credentials credentials = tim();
  SaslClient login(credentials, Mechanism::login);
  CHECK(login.begin() == "AUTH LOGIN\r\n");
  CHECK(login.answer() == "dGlt\r\n");
  CHECK(login.answer() == "dGFuc3RhYWZ0YW5zdGFhZg==\r\n");
  CHECK(login.answer() == "*\r\n");
  CHECK_FALSE(login.answer());
}

TEST_CASE("XOAUTH2 is as its paper shows, and an error challenge gets an empty answer") {
  Credentials credentials;
  credentials.user = "someuser@example.com";
  credentials.secret = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg";
  SaslClient xoauth2(credentials, Mechanism::xoauth2);
  CHECK(xoauth2.begin() ==
        "AUTH XOAUTH2 dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52"
        "YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==\r\n");
  CHECK(xoauth2.answer() == "\r\n");
  CHECK(xoauth2.answer() == "*\r\n");
}

TEST_CASE("OAUTHBEARER is that of RFC 7628 3.1, and an error challenge gets ^A (3.2.3)") {
  Credentials credentials;
  credentials.user = "us,er=@example.com";
  credentials.secret = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
  SaslClient bearer(credentials, Mechanism::oauthbearer);
  const std::string line = bearer.begin();
  REQUIRE(line.starts_with("AUTH OAUTHBEARER "));
  CHECK(decode_base64(line.substr(17, line.size() - 19)) ==
        "n,a=us=2Cer=3D@example.com,\x01"
        "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\x01\x01");
  CHECK(bearer.answer() == "AQ==\r\n");
  CHECK(bearer.answer() == "*\r\n");
}

TEST_CASE("an initial response that is too long for a command waits for its prompt") {
  Credentials credentials = tim();
  // 512 octets with "AUTH PLAIN " and CRLF leave 499, and base64 comes in fours.
  credentials.secret.assign(496 / 4 * 3 - 5, 'x');
  SaslClient fits(credentials, Mechanism::plain);
  CHECK(fits.begin().size() == 11 + 496 + 2);
  credentials.secret += 'x';
  SaslClient too_long(credentials, Mechanism::plain);
  CHECK(too_long.begin() == "AUTH PLAIN\r\n");
  const auto answer = too_long.answer();
  REQUIRE(answer);
  CHECK(answer->size() == 500 + 2);
  CHECK(too_long.answer() == "*\r\n");
}

TEST_CASE("the mechanism is one that is offered, allowed, and good for that kind of secret") {
  constexpr Mechanisms all = password_mechanisms | token_mechanisms;
  const auto chosen = [](Mechanism own, Mechanisms allowed, Mechanisms offered) {
    Credentials credentials = tim();
    credentials.mechanism = own;
    return choose_mechanism(credentials, allowed, offered);
  };
  CHECK(chosen(Mechanism::plain, 0, all) == Mechanism::plain);
  CHECK(chosen(Mechanism::login, 0, all) == Mechanism::login);
  CHECK(chosen(Mechanism::login, 0, set_of(Mechanism::plain)) == Mechanism::plain);
  CHECK(chosen(Mechanism::plain, 0, set_of(Mechanism::login)) == Mechanism::login);
  CHECK_FALSE(chosen(Mechanism::plain, 0, token_mechanisms));
  CHECK_FALSE(chosen(Mechanism::plain, set_of(Mechanism::plain), set_of(Mechanism::login)));
  CHECK_FALSE(chosen(Mechanism::plain, 0, 0));
  CHECK(chosen(Mechanism::xoauth2, 0, all) == Mechanism::xoauth2);
  CHECK(chosen(Mechanism::xoauth2, 0, set_of(Mechanism::oauthbearer)) == Mechanism::oauthbearer);
  CHECK_FALSE(chosen(Mechanism::oauthbearer, 0, password_mechanisms));
  Credentials proxy = tim();
  proxy.authorize_as = "ursel";
  CHECK_FALSE(choose_mechanism(proxy, 0, set_of(Mechanism::login)));
  CHECK(choose_mechanism(proxy, 0, all) == Mechanism::plain);
}

TEST_CASE("a secret is found again, plain and as it was sent") {
  const Credentials credentials = tim();
  const SaslClient plain(credentials, Mechanism::plain);
  CHECK(plain.repeated_in("not tanstaaftanstaaf, please"));
  CHECK(plain.repeated_in("AHRpbQB0YW5zdGFhZnRhbnN0YWFm is wrong"));
  CHECK_FALSE(plain.repeated_in("tim: bad password"));
  CHECK_FALSE(SaslClient(credentials, Mechanism::login).repeated_in("dGlt unknown"));
}

}  // namespace
}  // namespace cordon::smtp
