#include <doctest/doctest.h>

#include "proxy/settings_reader.h"

using namespace cordon::proxy;

namespace {

SettingsResult with(std::vector<std::string> overrides) { return read_settings("", overrides); }

std::string complaint(std::vector<std::string> overrides) {
  const auto result = with(std::move(overrides));
  return result ? "accepted" : result.error().to_string();
}

}  // namespace

TEST_CASE("overrides set single settings without quotes") {
  const auto result =
      with({"cordoning.period=5s", "hostname=gw.example", "threads=2", "cordoning.jitter=0"});
  REQUIRE(result.has_error());
  const auto fine =
      with({"cordoning.period=5s", "hostname=gw.example", "threads=2", "delivery.jitter=0",
            "limits.max_message_octets=1M", "cordoning.on_cap=defer", "notices.route=smarthost"});
  REQUIRE(fine.has_value());
  CHECK(fine->cordoning.period == Seconds(5));
  CHECK(fine->hostname == "gw.example");
  CHECK(fine->threads == 2);
  CHECK(fine->delivery.jitter == 0);
  CHECK(fine->limits.max_message_octets == 1024 * 1024);
  CHECK(fine->cordoning.on_cap == OnCap::defer);
  CHECK(fine->notices.route == "smarthost");
}

TEST_CASE("overrides reach listeners, routes, rules and origins") {
  const auto result = with({"listener.0.address=[::1]:2600", "listener.submission.mode=observe",
                            "route.smarthost.port=2700", "listener.1.name=second",
                            "listener.1.address=127.0.0.1:0", "route.backup.host=mx.example",
                            "origin.0.network=192.0.2.0/24", "origin.0.shared=true"});
  REQUIRE(result.has_value());
  REQUIRE(result->listeners.size() == 2);
  CHECK(result->listeners[0].address == "[::1]:2600");
  CHECK(result->listeners[0].mode == Mode::observe);
  CHECK(result->listeners[1].name == "second");
  CHECK(result->routes.at("smarthost").port == 2700);
  CHECK(result->routes.at("backup").host == "mx.example");
  REQUIRE(result->origins.size() == 1);
  CHECK(result->origins[0].shared);
}

TEST_CASE("lists are given by commas or as TOML") {
  const auto commas = with({"notices.local_domains=a.example,b.example"});
  REQUIRE(commas.has_value());
  CHECK(commas->notices.local_domains == std::vector<std::string>{"a.example", "b.example"});
  const auto toml = with({"notices.operators=[\"ops@a.example\"]"});
  REQUIRE(toml.has_value());
  CHECK(toml->notices.operators == std::vector<std::string>{"ops@a.example"});
  const auto none = with({"notices.operators="});
  REQUIRE(none.has_value());
  CHECK(none->notices.operators.empty());
}

TEST_CASE("an override wins over the file") {
  const std::vector<std::string> overrides{"cordoning.period=1s"};
  const auto result = parse_settings("[cordoning]\nperiod = \"9s\"\n", "f.toml", overrides);
  REQUIRE(result.has_value());
  CHECK(result->cordoning.period == Seconds(1));
}

TEST_CASE("a wrong override is named in full") {
  CHECK(complaint({"cordoning.perod=5s"}) ==
        "--set cordoning.perod=5s: unknown setting cordoning.perod; did you mean "
        "cordoning.period?");
  CHECK(complaint({"cordoning.max_held=x"}) ==
        "--set cordoning.max_held=x: cordoning.max_held: expected a whole number from 1 to "
        "100000000; found \"x\"");
  CHECK(complaint({"hostname"}) ==
        "--set hostname: expected KEY=VALUE, such as cordoning.period=5s");
  CHECK(complaint({"=5"}) == "--set =5: expected KEY=VALUE, such as cordoning.period=5s");
  CHECK(complaint({"listener.5.name=x"}) ==
        "--set listener.5.name=x: there is no listener.5; the next is listener.1");
  CHECK(complaint({"listener.name=x"}) == "--set listener.name=x: write listener.NUMBER.SETTING");
  CHECK(complaint({"route.smarthost=x"}) == "--set route.smarthost=x: write route.NAME.SETTING");
  CHECK(
      complaint({"threads=1 extra"}) ==
      "--set threads=1 extra: threads: expected a whole number from 0 to 1024; found \"1 extra\"");
  CHECK(complaint({"threads=1\nhostname=\"a\""}).starts_with("--set "));
}

TEST_CASE("a contradiction made by an override is blamed on it") {
  CHECK(complaint({"listener.0.route=gone"}) ==
        "--set listener.0.route=gone: listener.0.route: there is no [route.gone]");
}

TEST_CASE("optional settings are set, and unset by the empty text") {
  const std::string text = "[cordoning]\nlook_back = \"30d\"\n";
  const auto set = parse_settings(text, "f.toml", {});
  REQUIRE(set.has_value());
  CHECK(set->cordoning.look_back == Seconds(30 * 86400));
  const std::vector<std::string> overrides{"cordoning.look_back="};
  const auto unset = parse_settings(text, "f.toml", overrides);
  REQUIRE(unset.has_value());
  CHECK_FALSE(unset->cordoning.look_back);
}
