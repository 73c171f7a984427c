#include "proxy/offers.h"

#include <doctest/doctest.h>

#include "proxy/settings_reader.h"

using cordon::proxy::Config;
using cordon::proxy::Offers;

namespace {

std::shared_ptr<const Config> config_of(std::string_view text) {
  return std::make_shared<const Config>(cordon::proxy::parse_settings(text, "test", {}).value());
}

cordon::smtp::UpstreamOffer seen(bool eight_bit_mime, bool smtputf8, std::uint64_t max_size) {
  cordon::smtp::UpstreamOffer offer;
  offer.eight_bit_mime = eight_bit_mime;
  offer.smtputf8 = smtputf8;
  offer.size = max_size != 0;
  offer.max_size = max_size;
  return offer;
}

bool learn(Offers& offers, const std::string& route, const std::string& host,
           const cordon::smtp::UpstreamOffer& offer) {
  return offers.learn({route, host, 2526}, offer);
}

constexpr std::uint64_t fifty_mib = 50ull << 20;

}  // namespace

TEST_CASE("what was not seen upstream is not offered") {
  Offers offers;
  const auto config = config_of("");
  CHECK_FALSE(offers.options(config, 0)->eight_bit_mime);
  CHECK_FALSE(offers.options(config, 0)->smtputf8);
  CHECK(offers.options(config, 0)->max_message_octets == fifty_mib);
}

TEST_CASE("what the upstream offers is offered, and what it takes back is taken back") {
  Offers offers;
  const auto config = config_of("");
  CHECK(learn(offers, "smarthost", "127.0.0.1", seen(true, true, 0)));
  CHECK(offers.options(config, 0)->eight_bit_mime);
  CHECK(offers.options(config, 0)->smtputf8);
  CHECK_FALSE(learn(offers, "smarthost", "127.0.0.1", seen(true, true, 0)));
  CHECK(learn(offers, "smarthost", "127.0.0.1", seen(true, false, 0)));
  CHECK_FALSE(offers.options(config, 0)->smtputf8);
}

TEST_CASE("SIZE is the smaller of both, less room for the Received field") {
  Offers offers;
  const auto config = config_of("");
  learn(offers, "smarthost", "127.0.0.1", seen(true, true, 10'240'000));
  CHECK(offers.options(config, 0)->max_message_octets == 10'240'000 - 2048);
  learn(offers, "smarthost", "127.0.0.1", seen(true, true, 4 * fifty_mib));
  CHECK(offers.options(config, 0)->max_message_octets == fifty_mib);
}

TEST_CASE("mail that may take several routes is offered what all of them have") {
  Offers offers;
  const auto config = config_of(
      "[route.smarthost]\nhost = \"a.example\"\n"
      "[route.partner]\nhost = \"b.example\"\ndomains = [\"partner.example\"]\n");
  learn(offers, "smarthost", "a.example", seen(true, true, 0));
  CHECK_FALSE(offers.options(config, 0)->eight_bit_mime);
  learn(offers, "partner", "b.example", seen(true, false, 1'000'000));
  CHECK(offers.options(config, 0)->eight_bit_mime);
  CHECK_FALSE(offers.options(config, 0)->smtputf8);
  CHECK(offers.options(config, 0)->max_message_octets == 1'000'000 - 2048);
}

TEST_CASE("a route with many servers has only what is configured") {
  Offers offers;
  const auto mirror =
      config_of("[notices]\noperators = [\"a@b.example\"]\n[route.smarthost]\nlookup = \"mx\"\n");
  learn(offers, "smarthost", "127.0.0.1", seen(true, true, 1'000'000));  // one of the many
  CHECK_FALSE(offers.options(mirror, 0)->eight_bit_mime);
  CHECK(offers.options(mirror, 0)->max_message_octets == fifty_mib);
  const auto told = config_of(
      "[notices]\noperators = [\"a@b.example\"]\n[[listener]]\neight_bit_mime = "
      "\"yes\"\n[route.smarthost]\nlookup = \"mx\"\n");
  CHECK(offers.options(told, 0)->eight_bit_mime);
}

TEST_CASE("a route that leads elsewhere now is not known") {
  Offers offers;
  learn(offers, "smarthost", "127.0.0.1", seen(true, true, 0));
  const auto moved = config_of("[route.smarthost]\nhost = \"b.example\"\n");
  CHECK(offers.knows({"smarthost", "127.0.0.1", 2526}));
  CHECK_FALSE(offers.knows({"smarthost", "b.example", 2526}));
  CHECK_FALSE(offers.options(moved, 0)->eight_bit_mime);
}

TEST_CASE("a reload is in force for the next session") {
  Offers offers;
  learn(offers, "smarthost", "127.0.0.1", seen(true, true, 0));
  CHECK(offers.options(config_of(""), 0)->smtputf8);
  CHECK_FALSE(offers.options(config_of("[[listener]]\nsmtputf8 = \"no\"\n"), 0)->smtputf8);
}

TEST_CASE("where the real server verifies AUTH its mechanisms are offered, as far as they fit") {
  using namespace cordon::smtp;
  Offers offers;
  const auto config = config_of(
      "[[listener]]\nauth = \"offered\"\nauth_in_plain = true\nauth_verify = \"upstream\"\n");
  CHECK(config->mirrored_routes() == std::vector<std::string>{"smarthost"});
  const auto mechanisms = [&](Mechanisms seen_there) {
    auto offer = seen(true, true, 0);
    offer.mechanisms = seen_there;
    learn(offers, "smarthost", "127.0.0.1", offer);
    return offers.options(config, 0)->mechanisms;
  };
  CHECK(offers.options(config, 0)->mechanisms == 0);
  CHECK(mechanisms(set_of(Mechanism::login)) == password_mechanisms);
  CHECK(mechanisms(set_of(Mechanism::oauthbearer)) == token_mechanisms);
  CHECK(mechanisms(set_of(Mechanism::plain) | set_of(Mechanism::xoauth2)) ==
        (password_mechanisms | token_mechanisms));
  CHECK(mechanisms(0) == 0);
}
