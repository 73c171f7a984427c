#include "cordon/pace.h"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using cordon::Pace;
using cordon::store::Uptime;

namespace {
constexpr Uptime start{1000s};

// Takes whatever may go, as soon as it may.
std::size_t sent_in(std::uint32_t per_minute, std::chrono::seconds time) {
  Pace pace;
  std::size_t sent = 0;
  for (Uptime now = start; now < start + time;) {
    const auto room = pace.room(per_minute, now);
    pace.took(room);
    sent += room;
    if (room == 0) now = pace.next(per_minute);
  }
  return sent;
}
}  // namespace

TEST_CASE("without a limit any number may go") {
  Pace pace;
  CHECK(pace.room(0, start) == UINT32_MAX);
}

TEST_CASE("in a minute no more go than the limit and one burst") {
  CHECK(sent_in(600, 60s) >= 600);
  CHECK(sent_in(600, 60s) <= 660);
  CHECK(sent_in(1, 600s) >= 10);
  CHECK(sent_in(1, 600s) <= 11);
}

TEST_CASE("what was not used in an hour is not saved up") {
  Pace pace;
  CHECK(pace.room(600, start) == 60);
  pace.took(60);
  CHECK(pace.room(600, start) == 0);
  CHECK(pace.next(600) > start);
  CHECK(pace.next(600) <= start + 101ms);
  CHECK(pace.room(600, start + 1h) == 60);
}

TEST_CASE("a reload changes the limit") {
  Pace pace;
  CHECK(pace.room(600, start) == 60);
  CHECK(pace.room(60, start) == 6);
}
