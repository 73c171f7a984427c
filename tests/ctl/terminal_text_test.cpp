#include "ctl/terminal_text.h"

#include <doctest/doctest.h>

using namespace cordon::ctl;

TEST_CASE("plain text of any script passes") {
  CHECK(neutralised("Grüße, 你好 ☃ 😀") == "Grüße, 你好 ☃ 😀");
}

TEST_CASE("controls, escapes and direction overrides do not reach the screen") {
  CHECK(neutralised("a\x1b[2Jb") == "a?[2Jb");
  CHECK(neutralised("a\nb\tc\rd") == "a?b?c?d");
  CHECK(neutralised(std::string_view("a\0b\x7f", 4)) == "a?b?");
  CHECK(neutralised("\xc2\x9b"
                    "31m") == "?31m");  // CSI as one C1 control
  CHECK(neutralised("\xe2\x80\xae"
                    "fdp.exe") == "?fdp.exe");  // U+202E
  CHECK(neutralised("\xe2\x81\xa6x") == "?x");  // U+2066
  CHECK(neutralised("\xef\xbb\xbfx") == "?x");  // U+FEFF
}

TEST_CASE("broken UTF-8 does not reach the screen") {
  CHECK(neutralised("\xff") == "?");
  CHECK(neutralised("\xc3") == "?");
  CHECK(neutralised("\xc0\xaf") == "??");
  CHECK(neutralised("\xed\xa0\x80") == "???");
  CHECK(neutralised("\xf5\x80\x80\x80") == "????");
  CHECK(neutralised("\xe2\x80") == "??");
}

TEST_CASE("content keeps its lines and tabs, and nothing else") {
  CHECK(neutralised("a\r\n\tb\rc\x1b", Lines::many) == "a\n\tb?c?");
}

TEST_CASE("cutting counts code points and shows that it cut") {
  CHECK(cut("abc", 3) == "abc");
  CHECK(cut("abcd", 3) == "ab…");
  CHECK(cut("äöüß", 3) == "äö…");
  CHECK(cut("ab", 1) == "…");
  CHECK(cut("ab", 0).empty());
  CHECK(display_width("äö…") == 3);
}
