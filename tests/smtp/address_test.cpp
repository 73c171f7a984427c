#include "smtp/address.h"

#include <string>

#include <doctest/doctest.h>

namespace cordon::smtp {
namespace {

using E = AddressError;

AddressError forward_error(std::string_view text, Utf8 utf8 = Utf8::no) {
  const auto parsed = parse_forward_path(text, utf8);
  REQUIRE_FALSE(parsed.has_value());
  return parsed.error();
}

Mailbox forward(std::string_view text, Utf8 utf8 = Utf8::no) {
  const auto parsed = parse_forward_path(text, utf8);
  REQUIRE(parsed.has_value());
  return parsed->path;
}

std::string octets(std::size_t count, char c = 'a') { return std::string(count, c); }

// A domain of `count` octets, in labels of at most 63.
std::string domain_of(std::size_t count) {
  std::string domain = octets(count, 'd');
  for (std::size_t i = 60; i + 1 < count; i += 60) domain[i] = '.';
  return domain;
}

TEST_CASE("a plain path is a local part and a domain as written") {
  CHECK(forward("<Bob.Smith+x@Example.ORG>") == Mailbox{"Bob.Smith+x", "Example.ORG"});
  CHECK(forward("  <a@b>") == Mailbox{"a", "b"});
  CHECK(forward("<!#$%&'*+-/=?^_`{|}~@b-2.c>").local == "!#$%&'*+-/=?^_`{|}~");
}

TEST_CASE("what follows the path is handed on without its leading spaces") {
  CHECK(parse_forward_path("<a@b>", Utf8::no)->rest.empty());
  CHECK(parse_forward_path("<a@b>   NOTIFY=NEVER X", Utf8::no)->rest == "NOTIFY=NEVER X");
}

TEST_CASE("a quoted local part is stored unquoted, so that quoting hides nothing") {
  CHECK(forward(R"(<"bob"@x>)") == forward("<bob@x>"));
  CHECK(forward(R"(<"b\o\b"@x>)") == forward("<bob@x>"));
  CHECK(forward(R"(<"a>b @\"\\"@x>)").local == R"(a>b @"\)");
  CHECK(forward(R"(<""@x>)") == Mailbox{"", "x"});
}

TEST_CASE("a mailbox is written with quotes only where it must be") {
  CHECK(forward(R"(<"bob"@x>)").to_string() == "bob@x");
  CHECK(forward(R"(<"a b"@x>)").to_string() == R"("a b"@x)");
  CHECK(forward(R"(<"a..b"@x>)").to_string() == R"("a..b"@x)");
  CHECK(forward(R"(<"q\"\\"@x>)").to_string() == R"("q\"\\"@x)");
  CHECK(forward(R"(<""@x>)").to_string() == R"(""@x)");
}

TEST_CASE("address literals: IPv4, IPv6 and general") {
  for (const std::string_view good :
       {"[192.0.2.1]", "[IPv6:::]", "[ipv6:::1]", "[IPv6:1:2:3:4:5:6:7:8]",
        "[IPv6:1:2:3:4:5:6:7::]", "[IPv6:::ffff:192.0.2.1]", "[IPv6:1:2:3:4:5:6:192.0.2.1]",
        "[X400:c=us;>a=att]"}) {
    CAPTURE(good);
    CHECK(forward("<a@" + std::string(good) + ">").domain == good);
  }
  for (const std::string_view bad : {"[]",
                                     "[1.2.3]",
                                     "[1.2.3.256]",
                                     "[1.2.3.4",
                                     "[1.2.3.4]x",
                                     "[1.2.3.0004]",
                                     "[IPv6:]",
                                     "[IPv6:1:2:3:4:5:6:7]",
                                     "[IPv6:1::2::3]",
                                     "[IPv6:12345::]",
                                     "[IPv6:1:2:3:4:5:6:7:8::]",
                                     "[IPv6:::1.2.3]",
                                     "[IPv6:1.2.3.4::]",
                                     "[IPv6:1:2:3:4:5:6:7:1.2.3.4]",
                                     "[IPv6::1]",
                                     "[:x]",
                                     "[tag-:x]",
                                     "[tag:]",
                                     "[tag:a b]",
                                     "[tag:a[b]"}) {
    CAPTURE(bad);
    CHECK(forward_error("<a@" + std::string(bad) + ">") == E::bad_literal);
  }
}

TEST_CASE("a source route is accepted and dropped") {
  CHECK(forward("<@a.example,@b.example:c@d>") == Mailbox{"c", "d"});
  for (const std::string_view bad :
       {"<@a.example c@d>", "<@a,b:c@d>", "<@:c@d>", "<@a,:c@d>", "<@a>", "<@-a:c@d>"}) {
    CAPTURE(bad);
    CHECK(forward_error(bad) == E::bad_source_route);
  }
  CHECK(forward_error("<@a:postmaster>") == E::bad_domain);
  CHECK(forward_error("<@\xC3\xBC:c@d>") == E::non_ascii);
}

TEST_CASE("the null path is for MAIL only") {
  CHECK(parse_reverse_path("<>", Utf8::no)->path.null);
  CHECK(parse_reverse_path("<> SIZE=1", Utf8::no)->rest == "SIZE=1");
  CHECK(forward_error("<>") == E::empty);
  CHECK(ReversePath{}.to_string() == "<>");
  CHECK(parse_reverse_path("<a@b>", Utf8::no)->path.to_string() == "<a@b>");
}

TEST_CASE("the bare postmaster is for RCPT only, in any case") {
  CHECK(forward("<postmaster>") == Mailbox{"postmaster", ""});
  CHECK(forward("<PostMaster>").to_string() == "PostMaster");
  CHECK(forward_error("<postmasters>") == E::bad_domain);
  CHECK(parse_reverse_path("<postmaster>", Utf8::no).error() == E::bad_domain);
  CHECK(parse_mailbox("postmaster", Utf8::no).error() == E::bad_domain);
}

TEST_CASE("brackets must be there") {
  for (const std::string_view bad :
       {"", "a@b", "<a@b", "<a@b SIZE=1", "<", "<a", "< ", "<@a:b@c"}) {
    CAPTURE(bad);
    CHECK(forward_error(bad) == E::missing_brackets);
  }
  CHECK(forward_error("<a@b>x") == E::trailing_garbage);
  CHECK(forward_error("<a@b>>") == E::trailing_garbage);
  CHECK(forward_error("<a@b>\t") == E::trailing_garbage);
}

TEST_CASE("a local part is a dot-string or a quoted string") {
  for (const std::string_view bad :
       {"<@b@c>x", "<.a@b>", "<a.@b>", "<a..b@c>", "<a b@c>", "<a\"b@c>", "<a,b@c>", "<(a)@b>",
        "<\"a@b>", "<\"a\\>", "<\"a\"b@c>", "<\"a\nb\"@c>", "<\"a\\\nb\"@c>", "< >"}) {
    CAPTURE(bad);
    const AddressError error = forward_error(bad);
    CHECK((error == E::bad_local_part || error == E::bad_source_route));
  }
  CHECK(forward_error("<a b@c>") == E::bad_local_part);
}

TEST_CASE("a domain is labels of letters, digits and inner hyphens") {
  CHECK(forward("<a@x.>").domain == "x.");
  for (const std::string_view bad : {"<a@>", "<a@.>", "<a@.b>", "<a@b..c>", "<a@b..>", "<a@-b>",
                                     "<a@b->", "<a@b_c>", "<a@b c>", "<a@b@c>", "<a>"}) {
    CAPTURE(bad);
    CHECK(forward_error(bad) == E::bad_domain);
  }
  CHECK(forward("<a@" + octets(63) + ">").domain.size() == 63);
  CHECK(forward_error("<a@" + octets(64) + ">") == E::bad_domain);
}

TEST_CASE("lengths are those of RFC 5321 4.5.3.1") {
  CHECK(forward("<" + octets(64) + "@b>").local.size() == 64);
  CHECK(forward_error("<" + octets(65) + "@b>") == E::local_part_too_long);
  CHECK(forward("<\"" + octets(62) + "\"@b>").local.size() == 62);
  CHECK(forward_error("<\"" + octets(63) + "\"@b>") == E::local_part_too_long);
  CHECK(forward("<a@" + domain_of(252) + ">").domain.size() == 252);
  CHECK(forward_error("<a@" + domain_of(253) + ">") == E::path_too_long);
  CHECK(forward_error("<a@" + domain_of(256) + ">") == E::domain_too_long);
  CHECK(forward_error("<a@[x:" + octets(260) + "]>") == E::domain_too_long);
  CHECK(parse_mailbox("a@" + domain_of(255), Utf8::no).has_value());
}

TEST_CASE("octets beyond ASCII need SMTPUTF8 and must be well-formed") {
  CHECK(forward("<j\xC3\xBCrgen@b\xC3\xBC"
                "cher.example>",
                Utf8::yes)
            .local == "j\xC3\xBCrgen");
  CHECK(forward("<\"j\xC3\xBC \"@b>", Utf8::yes).local == "j\xC3\xBC ");
  CHECK(forward_error("<j\xC3\xBCrgen@b>") == E::non_ascii);
  CHECK(forward_error("<a@b\xC3\xBC>") == E::non_ascii);
  CHECK(forward_error("<\"\xC3\xBC\"@b>") == E::non_ascii);
  for (const std::string_view bad :
       {"\xFF", "\x80", "\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF0\x80\x80\xAF",
        "\xF4\x90\x80\x80", "\xE2\x82", "\xC3("}) {
    CAPTURE(bad);
    CHECK(forward_error("<a" + std::string(bad) + "@b>", Utf8::yes) == E::bad_utf8);
    CHECK(forward_error("<a@b" + std::string(bad) + ">", Utf8::yes) == E::bad_utf8);
    CHECK(forward_error("<\"a" + std::string(bad) + "\"@b>", Utf8::yes) == E::bad_utf8);
  }
  CHECK(forward("<a\xF4\x8F\xBF\xBF@b>", Utf8::yes).local.size() == 5);
}

TEST_CASE("a bare mailbox has no brackets and nothing after it") {
  CHECK(*parse_mailbox("a@b", Utf8::no) == Mailbox{"a", "b"});
  CHECK(*parse_mailbox("\"a b\"@[192.0.2.1]", Utf8::no) == Mailbox{"a b", "[192.0.2.1]"});
  CHECK(parse_mailbox("", Utf8::no).error() == E::empty);
  CHECK(parse_mailbox("<a@b>", Utf8::no).error() == E::bad_local_part);
  CHECK(parse_mailbox("a", Utf8::no).error() == E::bad_domain);
  CHECK(parse_mailbox("a@b ", Utf8::no).error() == E::bad_domain);
  CHECK(parse_mailbox("a@[192.0.2.1] ", Utf8::no).error() == E::bad_literal);
}

TEST_CASE("each error has words of its own") {
  std::vector<std::string_view> seen;
  for (int i = 0; i <= static_cast<int>(E::trailing_garbage); ++i) {
    const std::string_view words = describe(static_cast<AddressError>(i));
    CHECK_FALSE(words.empty());
    CHECK(words.back() != '.');
    CHECK(std::find(seen.begin(), seen.end(), words) == seen.end());
    seen.push_back(words);
  }
}

}  // namespace
}  // namespace cordon::smtp
