#include "wire/reply.h"

#include <doctest/doctest.h>

using namespace cordon::wire;

namespace {

void check_both_ways(const Reply& reply, const std::string& line) {
  CHECK(encode(reply) == line);
  const auto decoded = decode_reply(line);
  REQUIRE(decoded);
  CHECK(*decoded == reply);
}

}  // namespace

TEST_CASE("replies are these literal octets, both ways") {
  check_both_ways(Hello{1, "cordond 0.1.0", "gw.example", Role::review},
                  R"({"hello":{"v":1,"server":"cordond 0.1.0","hostname":"gw.example",)"
                  R"("role":"review"}})");
  check_both_ways(RowReply{7, IdRow{{17}}}, R"({"id":7,"row":{"type":"id","queue_id":"17"}})");
  check_both_ways(End{7, 3, 0, {}}, R"({"id":7,"end":{"rows":3,"changed":0}})");
  check_both_ways(End{7, 0, 2, {"19: already committed"}},
                  R"({"id":7,"end":{"rows":0,"changed":2,"notes":["19: already committed"]}})");
  check_both_ways(ErrorReply{7, ErrorCode::not_permitted, "bait.add needs the role admin"},
                  R"({"id":7,"error":{"code":"not_permitted",)"
                  R"("message":"bait.add needs the role admin"}})");
}

TEST_CASE("an error code from a newer side is a failure") {
  const auto decoded = decode_reply(R"({"id":7,"error":{"code":"new","message":"m"}})");
  REQUIRE(decoded);
  CHECK(std::get<ErrorReply>(*decoded).code == ErrorCode::failed);
}

TEST_CASE("what is no reply is none") {
  for (const char* line :
       {"", "{}", "[]", "null", R"({"id":7})", R"({"hello":{}})", R"({"hello":5})",
        R"({"hello":{"v":1,"role":"king"}})", R"({"id":"7","end":{}})", R"({"id":7,"end":5})",
        R"({"id":7,"row":{"type":"id"},)", R"({"id":7,"row":5})", R"({"id":7,"error":"x"})"}) {
    CAPTURE(line);
    CHECK_FALSE(decode_reply(line));
  }
}
