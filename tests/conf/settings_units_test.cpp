#include <doctest/doctest.h>

#include "proxy/settings_values.h"

using namespace cordon::proxy;
using std::chrono::milliseconds;

TEST_CASE("durations are read in every unit, and in sums of them") {
  CHECK(parse_duration("250ms") == milliseconds(250));
  CHECK(parse_duration("60s") == milliseconds(60'000));
  CHECK(parse_duration("5m") == milliseconds(300'000));
  CHECK(parse_duration("1h30m") == milliseconds(5'400'000));
  CHECK(parse_duration("5d") == milliseconds(432'000'000));
}

TEST_CASE("a duration without a unit, or with an unknown one, is none") {
  for (const char* text : {"", "60", "s", "-1s", "1.5h", "1 week", "5M", "60s ", " 60s",
                           "99999999999999999999d", "9223372036854775807d"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
  }
}

TEST_CASE("durations are shown as people write them, and read back the same") {
  CHECK(format_duration(Seconds(0)) == "0s");
  CHECK(format_duration(Seconds(60)) == "60s");
  CHECK(format_duration(Seconds(300)) == "5m");
  CHECK(format_duration(Seconds(5400)) == "90m");
  CHECK(format_duration(Seconds(432000)) == "5d");
  for (const long seconds : {1L, 59L, 61L, 3600L, 3601L, 86400L, 7776000L}) {
    CHECK(parse_duration(format_duration(Seconds(seconds))) == Seconds(seconds));
  }
}

TEST_CASE("sizes count by 1024, whatever the style") {
  CHECK(parse_size("50 MiB") == 52'428'800u);
  CHECK(parse_size("50M") == 52'428'800u);
  CHECK(parse_size("1KiB") == 1024u);
  CHECK(parse_size("7") == 7u);
  CHECK(parse_size("2G") == 2'147'483'648u);
  CHECK_FALSE(parse_size("50 MB"));
  CHECK_FALSE(parse_size("M"));
  CHECK_FALSE(parse_size("1K1K"));
  CHECK_FALSE(parse_size("9999999999G"));
  CHECK(format_size(52'428'800) == "50 MiB");
  CHECK(format_size(1000) == "1000");
  CHECK(format_size(0) == "0");
}
