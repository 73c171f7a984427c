#include "proxy/log.h"

#include <doctest/doctest.h>

namespace log = cordon::proxy::log;
using cordon::proxy::LogFormat;

TEST_CASE("an event is one line of name and fields") {
  CHECK(log::format(LogFormat::text, "message.accepted", {{"session", "s-1"}, {"id", 17}}) ==
        "message.accepted session=s-1 id=17");
  CHECK(log::format(LogFormat::json, "message.accepted", {{"session", "s-1"}, {"id", 17}}) ==
        R"("event":"message.accepted","session":"s-1","id":17)");
}

TEST_CASE("a hostile value cannot begin a line or a field of its own") {
  const std::string hostile = "x y=\"\\\r\n\x1b[31m";
  CHECK(log::format(LogFormat::text, "e", {{"why", hostile}}) ==
        R"(e why="x y=\"\\\x0d\x0a\x1b[31m")");
  CHECK(log::format(LogFormat::json, "e", {{"why", hostile}}) ==
        R"("event":"e","why":"x y=\"\\\u000d\u000a\u001b[31m")");
}

TEST_CASE("an empty value is seen as one") {
  CHECK(log::format(LogFormat::text, "e", {{"why", ""}}) == "e why=\"\"");
}
