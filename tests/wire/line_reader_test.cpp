#include "wire/line_reader.h"

#include <doctest/doctest.h>

using namespace cordon::wire;
using Status = LineReader::Status;

TEST_CASE("lines come out whole however they come in") {
  LineReader reader(10);
  std::string line;
  CHECK(reader.next(line) == Status::more);
  reader.feed("on");
  CHECK(reader.next(line) == Status::more);
  reader.feed("e\ntwo\n\nth");
  CHECK(reader.next(line) == Status::line);
  CHECK(line == "one");
  CHECK(reader.next(line) == Status::line);
  CHECK(line == "two");
  CHECK(reader.next(line) == Status::line);
  CHECK(line.empty());
  CHECK(reader.next(line) == Status::more);
  reader.feed("ree\n");
  CHECK(reader.next(line) == Status::line);
  CHECK(line == "three");
}

TEST_CASE("a line of just the limit passes, one octet more does not") {
  std::string line;
  LineReader fits(4);
  fits.feed("1234\n");
  CHECK(fits.next(line) == Status::line);
  LineReader ended(4);
  ended.feed("12345\n");
  CHECK(ended.next(line) == Status::too_long);
  LineReader endless(4);
  endless.feed("12345");
  CHECK(endless.next(line) == Status::too_long);
}
