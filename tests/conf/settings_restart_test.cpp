#include <doctest/doctest.h>

#include "proxy/settings_reader.h"

using namespace cordon::proxy;
using Names = std::vector<std::string>;

TEST_CASE("a change that can be put in force live needs no restart") {
  Settings after;
  after.cordoning.period = Seconds(5);
  after.routes["smarthost"].port = 25;
  after.listeners[0].mode = Mode::observe;
  after.rules.push_back({});
  CHECK(needs_restart(Settings{}, after).empty());
}

TEST_CASE("changes that wait for a restart are named") {
  Settings after;
  after.paths.state_dir = "/elsewhere";
  after.paths.control_socket = "/elsewhere/sock";
  after.threads = 8;
  after.listeners[0].address = "127.0.0.1:26";
  CHECK(needs_restart(Settings{}, after) ==
        Names{"threads", "paths.state_dir", "paths.control_socket", "listener.submission.address"});
}

TEST_CASE("a listener that comes, goes or moves in the file is told by its name") {
  Settings before;
  before.listeners.push_back({.name = "second", .address = "127.0.0.1:26"});
  Settings swapped = before;
  std::swap(swapped.listeners[0], swapped.listeners[1]);
  CHECK(needs_restart(before, swapped).empty());
  CHECK(needs_restart(before, Settings{}) == Names{"listener.second"});
  CHECK(needs_restart(Settings{}, before) == Names{"listener.second"});
}
