#include "ctl/selection.h"

#include <sstream>

#include <doctest/doctest.h>

#include "ctl/bait_words.h"

using namespace cordon;
using namespace cordon::ctl;
using Ids = std::vector<std::int64_t>;

namespace {

std::string fault_of(const SelectionWords& words, const std::string& in = "") {
  std::istringstream stream(in);
  std::string fault;
  return read_selection(words, stream, fault) ? "accepted" : fault;
}

}  // namespace

TEST_CASE("ids come as words and from standard input") {
  std::istringstream in("17\n18 19\r\n\n");
  std::string fault;
  const auto selection = read_selection({.ids = {"3", "-"}}, in, fault);
  REQUIRE(selection);
  CHECK(selection->args.ids == Ids{3, 17, 18, 19});
  CHECK(selection->by_ids());
}

TEST_CASE("what is no id is refused and named") {
  CHECK(fault_of({.ids = {"17x"}}) == "\"17x\" is no id; ids are numbers");
  CHECK(fault_of({.ids = {"0"}}) == "\"0\" is no id; ids are numbers");
  CHECK(fault_of({.ids = {"-5"}}) == "\"-5\" is no id; ids are numbers");
  CHECK(fault_of({.ids = {"9223372036854775808"}}) ==
        "\"9223372036854775808\" is no id; ids are numbers");
  CHECK(fault_of({.ids = {"-"}}, "1 \x1b[2J") == "\"?[2J\" is no id; ids are numbers");
  CHECK(fault_of({.ids = {"-"}}, "") == "no ids came on standard input");
  CHECK(fault_of({.alert = "x"}) == "--alert: \"x\" is no id; ids are numbers");
}

TEST_CASE("everything is ALL in capitals, alone") {
  std::istringstream in;
  std::string fault;
  const auto selection = read_selection({.ids = {"ALL"}}, in, fault);
  REQUIRE(selection);
  CHECK(selection->everything);
  CHECK(fault_of({.ids = {"all"}}) == "write ALL, in capitals, to mean everything");
  CHECK(fault_of({.ids = {"All"}}) == "write ALL, in capitals, to mean everything");
  CHECK(fault_of({.ids = {"ALL", "3"}}) == "ALL means everything; give it alone");
  CHECK(fault_of({.ids = {"ALL"}, .sender = "a@b"}) == "ALL means everything; give it alone");
}

TEST_CASE("ages are read with their unit") {
  CHECK(parse_age("90s") == 90);
  CHECK(parse_age("5m") == 300);
  CHECK(parse_age("2h") == 7200);
  CHECK(parse_age("3d") == 259'200);
  CHECK(parse_age("1w") == 604'800);
  for (const char* text : {"", "5", "m", "-1s", "1.5h", "5 m", "99999999d"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_age(text));
  }
  CHECK(fault_of({.older_than = "soon"}) ==
        "--older-than: expected an age such as 90s, 5m, 2h or 3d, not \"soon\"");
}

TEST_CASE("a bait is written as an address, @domain or local:NAME") {
  std::string fault;
  CHECK(read_bait("eve@a.example", "", fault) ==
        wire::NewBait{wire::BaitKind::address, "eve@a.example", ""});
  CHECK(read_bait("@a.example", "", fault) ==
        wire::NewBait{wire::BaitKind::domain, "a.example", ""});
  CHECK(read_bait("local:zq81", "", fault) ==
        wire::NewBait{wire::BaitKind::local_part, "zq81", ""});
  CHECK(read_bait("zq81", "local", fault) == wire::NewBait{wire::BaitKind::local_part, "zq81", ""});
  CHECK(fault.empty());
}

TEST_CASE("a bait that may mean two things is refused") {
  std::string fault;
  CHECK_FALSE(read_bait("zq81", "", fault));
  CHECK(fault ==
        "\"zq81\" may be a domain or a local part: write @domain, local:NAME, or give --kind");
  CHECK_FALSE(read_bait("@", "", fault));
  CHECK(fault == "\"@\" names no bait");
  CHECK_FALSE(read_bait("x@y", "addr", fault));
  CHECK(fault == "--kind: expected address, domain or local");
}

TEST_CASE("many baits come one a line, each with the label") {
  std::istringstream in("# planted on desk-12\n\n  eve@a.example \r\nlocal:zq81\n");
  std::string fault;
  const auto baits = read_baits({"@b.example", "-"}, "", "desk-12", in, fault);
  REQUIRE(baits);
  REQUIRE(baits->size() == 3);
  CHECK((*baits)[1] == wire::NewBait{wire::BaitKind::address, "eve@a.example", "desk-12"});
  std::istringstream empty("\n# nothing\n");
  CHECK_FALSE(read_baits({"-"}, "", "", empty, fault));
  CHECK(fault == "no baits were given");
}
