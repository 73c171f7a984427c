#include "ctl/table.h"

#include <sstream>

#include <doctest/doctest.h>

using namespace cordon::ctl;

namespace {

std::vector<Column> three() { return {{"ID", Align::right}, {"NAME", Align::left, 6}, {"WHAT"}}; }

}  // namespace

TEST_CASE("columns are as wide as their widest cell, numbers to the right") {
  std::ostringstream out;
  {
    Table table(three(), out, {});
    table.add({{"7"}, {"ann"}, {"x"}});
    table.add({{"12345"}, {"bo"}, {""}});
  }
  CHECK(out.str() ==
        "   ID  NAME  WHAT\n"
        "    7  ann   x\n"
        "12345  bo\n");
}

TEST_CASE("on a terminal long cells are cut but for the last; a pipe gets everything") {
  std::ostringstream cut_out;
  {
    Table table(three(), cut_out, {.cut_cells = true});
    table.add({{"1"}, {"longername"}, {"the last is never cut"}});
  }
  CHECK(cut_out.str() == "ID  NAME    WHAT\n 1  longe…  the last is never cut\n");
  std::ostringstream whole;
  {
    Table table(three(), whole, {});
    table.add({{"1"}, {"longername"}, {"x"}});
  }
  CHECK(whole.str() == "ID  NAME        WHAT\n 1  longername  x\n");
}

TEST_CASE("colours do not count for the width, and are left out when not wanted") {
  std::ostringstream out;
  {
    Table table({{"A"}, {"B"}}, out, {.colours = true});
    table.add({{"red", Colour::red}, {"x"}});
  }
  CHECK(out.str() == "\x1b[1mA\x1b[0m    \x1b[1mB\x1b[0m\n\x1b[31mred\x1b[0m  x\n");
}

TEST_CASE("what an attacker wrote cannot break the table") {
  std::ostringstream out;
  {
    Table table({{"A"}, {"B"}}, out, {});
    table.add({{"a\nb"}, {"\x1b]0;title\x07"}});
  }
  CHECK(out.str() == "A    B\na?b  ?]0;title?\n");
}

TEST_CASE("a long list is printed as it comes, after the first rows set the widths") {
  std::ostringstream out;
  Table table({{"A"}, {"B"}}, out, {});
  for (int i = 0; i < 199; ++i) table.add({{"x"}, {"y"}});
  CHECK(out.str().empty());
  table.add({{"x"}, {"y"}});
  const std::size_t printed = out.str().size();
  CHECK(printed == 201 * 5);
  table.add({{"wider"}, {"y"}});
  CHECK(out.str().substr(printed) == "wider  y\n");
}

TEST_CASE("a table without rows prints nothing") {
  std::ostringstream out;
  { Table table(three(), out, {}); }
  CHECK(out.str().empty());
}
