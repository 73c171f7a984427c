#include <doctest/doctest.h>

#include "proxy/listener.h"

using cordon::proxy::Doorkeeper;
using cordon::proxy::Settings;

TEST_CASE("one host may not take all the sessions, and a place that is left is free again") {
  Settings::Limits limits;
  limits.max_sessions = 3;
  limits.max_sessions_per_host = 2;
  Doorkeeper door;
  CHECK(door.enter("192.0.2.1", limits) == Doorkeeper::Verdict::welcome);
  CHECK(door.enter("192.0.2.1", limits) == Doorkeeper::Verdict::welcome);
  CHECK(door.enter("192.0.2.1", limits) == Doorkeeper::Verdict::host_full);
  CHECK(door.enter("192.0.2.2", limits) == Doorkeeper::Verdict::welcome);
  CHECK(door.enter("192.0.2.3", limits) == Doorkeeper::Verdict::full);
  door.leave("192.0.2.1");
  CHECK(door.enter("192.0.2.3", limits) == Doorkeeper::Verdict::welcome);
}
