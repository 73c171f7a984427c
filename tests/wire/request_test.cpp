#include "wire/request.h"

#include <set>

#include <doctest/doctest.h>

using namespace cordon::wire;

namespace {

std::string fault_of(std::string_view line) {
  const auto result = decode_request(line);
  if (result.has_value()) return "accepted";
  return std::string(word(result.error().code)) + ": " + result.error().message;
}

// As the "args" of a queue.list.
std::string list_fault(const std::string& args) {
  return fault_of(R"({"v":1,"id":1,"command":"queue.list","args":)" + args + "}");
}

}  // namespace

TEST_CASE("a request is these literal octets, both ways") {
  Request request;
  request.id = 7;
  request.command = Command::queue_list;
  request.args.ids = {17, 9223372036854775807};
  request.args.origin = "192.0.2.7";
  request.args.sender = "@example.org";
  request.args.alert = 4;
  request.args.older_than = 3600;
  request.args.limit = 10;
  request.args.show_baits = true;
  const std::string line =
      R"({"v":1,"id":7,"command":"queue.list","args":{"ids":["17","9223372036854775807"],)"
      R"("origin":"192.0.2.7","sender":"@example.org","alert":"4","older_than":3600,"limit":10,)"
      R"("show_baits":true}})";
  CHECK(encode(request) == line);
  const auto decoded = decode_request(line);
  REQUIRE(decoded.has_value());
  CHECK(*decoded == request);
}

TEST_CASE("baits travel with kind, value and label") {
  Request request;
  request.id = 1;
  request.command = Command::bait_add;
  request.args.baits = {{BaitKind::address, "eve@a.example", "host 1"},
                        {BaitKind::domain, "b.example", ""},
                        {BaitKind::local_part, "zq81", ""}};
  request.args.force = true;
  const std::string line =
      R"({"v":1,"id":1,"command":"bait.add","args":{"force":true,"baits":[)"
      R"({"kind":"address","value":"eve@a.example","label":"host 1"},)"
      R"({"kind":"domain","value":"b.example"},{"kind":"local","value":"zq81"}]}})";
  CHECK(encode(request) == line);
  const auto decoded = decode_request(line);
  REQUIRE(decoded.has_value());
  CHECK(*decoded == request);
}

TEST_CASE("a request without arguments has none") {
  const auto decoded = decode_request(R"({"v":1,"id":-3,"command":"status"})");
  REQUIRE(decoded.has_value());
  CHECK(decoded->id == -3);
  CHECK(decoded->args == Arguments{});
}

TEST_CASE("what is no request is told why") {
  CHECK(fault_of("") == "bad_request: expected one JSON object a line");
  CHECK(fault_of("GET / HTTP/1.1\r") == "bad_request: expected one JSON object a line");
  CHECK(fault_of("[1]") == "bad_request: expected one JSON object a line");
  CHECK(fault_of("{\"v\":1,\"id\":1,\"command\":\"\xff\"}") ==
        "bad_request: expected one JSON object a line");
  CHECK(fault_of(R"({"v":1,"id":1,"command":"status"} {})") ==
        "bad_request: expected one JSON object a line");
  CHECK(fault_of(R"({"v":1,"command":"status"})") == "bad_request: id: expected a whole number");
  CHECK(fault_of(R"({"v":1,"id":"1","command":"status"})") ==
        "bad_request: id: expected a whole number");
  CHECK(fault_of(R"({"id":1,"command":"status"})") ==
        "wrong_version: v: this side speaks version 1");
  CHECK(fault_of(R"({"v":2,"id":1,"command":"status"})") ==
        "wrong_version: v: this side speaks version 1");
  CHECK(fault_of(R"({"v":1,"id":1})") == "bad_request: command: expected a text");
  CHECK(fault_of(R"({"v":1,"id":1,"command":"shutdown"})") ==
        "unknown_command: there is no such command");
  CHECK(fault_of(R"({"v":1,"id":1,"command":"status","extra":1})") ==
        "bad_request: expected v, id, command and args only");
}

TEST_CASE("depth is refused before it is built") {
  const std::string deep(500'000, '[');
  CHECK(fault_of(R"({"v":1,"id":1,"command":"status","args":)" + deep) ==
        "bad_request: expected one JSON object a line");
  CHECK(list_fault(R"({"sender":"[[[[[[[[[[[[[["})") == "accepted");
}

TEST_CASE("a misspelt or misplaced argument never means everything") {
  CHECK(list_fault(R"({"orgin":"x"})") == "bad_argument: args: an unknown argument");
  CHECK(list_fault(R"({"withdraw":true})") == "bad_argument: queue.list takes no withdraw");
  CHECK(list_fault(R"([])") == "bad_argument: args: expected an object");
  CHECK(list_fault(R"({"ids":[]})") == "bad_argument: ids: expected a list of ids");
  CHECK(list_fault(R"({"ids":[17]})") == "bad_argument: ids: expected ids as decimal text");
  CHECK(list_fault(R"({"ids":["17x"]})") == "bad_argument: ids: expected ids as decimal text");
  CHECK(list_fault(R"({"ids":["-1"]})") == "bad_argument: ids: expected ids as decimal text");
  CHECK(list_fault(R"({"ids":["9223372036854775808"]})") ==
        "bad_argument: ids: expected ids as decimal text");
  CHECK(list_fault(R"({"sender":""})") == "bad_argument: sender: expected a text");
  CHECK(list_fault(R"({"sender":null})") == "bad_argument: sender: expected a text");
  CHECK(list_fault(R"({"older_than":-1})") ==
        "bad_argument: older_than: expected a number from 0 up");
  CHECK(list_fault(R"({"older_than":1.5})") == "bad_argument: older_than: expected a whole number");
  CHECK(list_fault(R"({"older_than":18446744073709551615})") ==
        "bad_argument: older_than: expected a smaller number");
  CHECK(list_fault(R"({"show_baits":1})") == "bad_argument: show_baits: expected true or false");
}

TEST_CASE("a bait without kind or value, or with more, is refused") {
  for (const char* bait :
       {R"({"value":"x"})", R"({"kind":"address"})", R"({"kind":"x","value":"y"})",
        R"({"kind":"local","value":"y","also":"z"})"}) {
    CAPTURE(bait);
    CHECK(fault_of(std::string(R"({"v":1,"id":1,"command":"bait.add","args":{"baits":[)") + bait +
                   "]}}") == "bad_argument: baits: expected baits of kind, value and label");
  }
}

TEST_CASE("too many ids in one request are refused") {
  Request request;
  request.command = Command::queue_hold;
  request.args.ids.assign(max_ids + 1, 7);
  CHECK(fault_of(encode(request)) == "bad_argument: ids: expected at most 10000 ids");
}

TEST_CASE("the largest request fits a line") {
  Request request;
  request.command = Command::queue_hold;
  request.args.ids.assign(max_ids, INT64_MAX);
  CHECK(encode(request).size() < max_request_line);
}

TEST_CASE("a fault carries the request's id once that is known") {
  const auto result = decode_request(R"({"v":1,"id":42,"command":"nonsense"})");
  REQUIRE(result.has_error());
  CHECK(result.error().request == 42);
}

TEST_CASE("commands are found by name, and only looking needs no more than the role view") {
  std::set<std::string_view> names;
  for (const CommandFacts& entry : commands()) {
    CHECK(find_command(entry.name) == &entry);
    CHECK(names.insert(entry.name).second);
    if (entry.changes) CHECK(entry.role >= Role::review);
  }
  CHECK(find_command("queue") == nullptr);
  CHECK(facts(Command::bait_add).role == Role::admin);
  CHECK_FALSE(facts(Command::quarantine_delete).undoable);
}
