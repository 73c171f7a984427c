#include <fstream>
#include <regex>
#include <sstream>

#include <doctest/doctest.h>

#include "proxy/settings_reader.h"
#include "proxy/settings_table.h"

using namespace cordon::proxy;

namespace {

const std::string shipped_file = CORDON_TEST_DATA "/../../conf/cordond.toml";

std::string shipped() {
  std::ifstream in(shipped_file);
  REQUIRE(in);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// Takes the # away from settings and heads, but not from prose.
std::string uncommented(const std::string& text, const std::string& marker) {
  return std::regex_replace(text, std::regex("(^|\n)" + marker + "(?=[a-z\\[])"), "$1");
}

}  // namespace

TEST_CASE("the shipped file is exactly what the table says") {
  CHECK(shipped() == documented_settings());
}

TEST_CASE("the shipped file means the built-in defaults") {
  const auto settings = read_settings(shipped_file, {});
  REQUIRE(settings.has_value());
  CHECK(*settings == Settings{});
}

TEST_CASE("the shipped file with every line put in force means the built-in defaults still") {
  const auto settings = parse_settings(uncommented(shipped(), "#"), "cordond.toml", {});
  if (!settings) FAIL(settings.error().to_string());
  CHECK(*settings == Settings{});
}

TEST_CASE("the examples in the shipped file are right, too") {
  const auto settings = parse_settings(uncommented(shipped(), "#   "), "cordond.toml", {});
  if (!settings) FAIL(settings.error().to_string());
  CHECK(settings->rules.size() == 1);
  CHECK(settings->certificates.size() == 1);
  CHECK(settings->origins.size() == 1);
}

TEST_CASE("every setting appears in the shipped file") {
  const std::string text = shipped();
  const auto appears = [&](std::string_view name) {
    const std::string leaf(name.substr(name.rfind('.') + 1));
    return std::regex_search(text, std::regex("\n# *" + leaf + " = "));
  };
  for (const auto& key : settings_keys()) CHECK_MESSAGE(appears(key.facts.name), key.facts.name);
  for (const auto& key : listener_keys()) CHECK_MESSAGE(appears(key.facts.name), key.facts.name);
  for (const auto& key : certificate_keys()) CHECK_MESSAGE(appears(key.facts.name), key.facts.name);
  for (const auto& key : route_keys()) CHECK_MESSAGE(appears(key.facts.name), key.facts.name);
  for (const auto& key : rule_keys()) CHECK_MESSAGE(appears(key.facts.name), key.facts.name);
  for (const auto& key : origin_keys()) CHECK_MESSAGE(appears(key.facts.name), key.facts.name);
}

TEST_CASE("every default lies within its own range") {
  Settings settings;
  for (const auto& key : settings_keys()) {
    const std::string text =
        std::string(key.facts.name) + " = " + to_toml(key.at(settings), key.facts) + "\n";
    const auto result = parse_settings(text, "default", {});
    if (!result) FAIL(result.error().to_string());
  }
}
