#include "proxy/config.h"

#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using cordon::proxy::Config;
using cordon::proxy::Mode;
using cordon::proxy::Settings;

TEST_CASE("the first network that an address is in tells what is known of it") {
  Settings settings;
  settings.origins = {{.network = "192.0.2.9/32", .label = "scanner", .shared = true},
                      {.network = "192.0.2.0/24", .label = "office", .mode = Mode::observe}};
  const Config config(settings);
  CHECK(config.traits("192.0.2.9").label == "scanner");
  CHECK(config.traits("192.0.2.9").shared);
  CHECK(config.traits("192.0.2.10").label == "office");
  CHECK(config.traits("192.0.2.10").mode == Mode::observe);
  CHECK(config.traits("198.51.100.1").label.empty());
}

TEST_CASE("mail of a listener that is gone takes the first listener's route") {
  Settings settings;
  settings.listeners[0].route = "one";
  settings.routes = {{"one", {.host = "a"}}, {"two", {.host = "b"}}};
  settings.notices.route = "two";
  const Config config(settings);
  CHECK(config.route_name("submission") == "one");
  CHECK(config.route_name("removed") == "one");
  CHECK(config.route_name(cordon::proxy::notice_listener) == "two");
  CHECK(config.route("two").host == "b");
}

TEST_CASE("a rule with a network holds only what comes from it") {
  Settings settings;
  settings.rules = {{.name = "desk", .origin = "192.0.2.0/24", .period = 5s}};
  const Config config(settings);
  CHECK(cordon::holding_for(config.rules(), 60s, {}, "192.0.2.7").period == 5s);
  CHECK(cordon::holding_for(config.rules(), 60s, {}, "198.51.100.7").period == 60s);
}

TEST_CASE("a wrong template is found when the settings are read, with its place") {
  const auto folder = std::filesystem::temp_directory_path() / "cordon-config-test";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "warning.txt") << "Subject: x\n\n{{nonsense}}\n";
  Settings settings;
  settings.paths.templates_dir = folder;
  std::string what;
  try {
    const Config config(settings);
  } catch (const std::runtime_error& fault) {
    what = fault.what();
  }
  CHECK(what.find((folder / "warning.txt").string() + ":3:") == 0);
  std::filesystem::remove_all(folder);
}
