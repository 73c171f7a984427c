// The matcher: what cannot hide a bait, and what is none.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "baits/matcher.h"
#include "baits/siphash.h"

namespace cordon::baits {
namespace {

using smtp::Mailbox;
using smtp::ReversePath;

const std::vector<Bait> planted = {
    {BaitId{1}, BaitKind::address, "martha.quinn@corp.example", "host a"},
    {BaitId{2}, BaitKind::domain, "trap.example", ""},
    {BaitId{3}, BaitKind::local_part, "zq81-kv", ""},
    {BaitId{4}, BaitKind::address, "old+name@corp.example", ""},
    {BaitId{5}, BaitKind::domain,
     "b\xC3\xBC"
     "cher.example",
     ""},
    {BaitId{6}, BaitKind::address, "j.doe@xn--mnchen-3ya.example", ""},
    {BaitId{7}, BaitKind::address, "both@trap.example", ""},
    {BaitId{8}, BaitKind::address, "\"two words\"@corp.example", ""},
};

const Matcher& matcher() {
  static const Matcher table{planted};
  return table;
}

// The id of the bait that is hit in MAIL FROM and in RCPT TO alike; 0 if none.
std::int64_t hit(const std::string& local, const std::string& domain) {
  const ReversePath sender{false, Mailbox{local, domain}};
  const Mailbox recipient{local, domain};
  const auto from = matcher().match(sender.mailbox);
  const auto to = matcher().match(recipient);
  REQUIRE(from.has_value() == to.has_value());
  if (!from) return 0;
  REQUIRE(from->id == to->id);
  return static_cast<std::int64_t>(from->id);
}

std::string repeat(const std::string& text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

}  // namespace

TEST_CASE("a bait of each kind is caught, and says its kind") {
  CHECK(matcher().size() == planted.size());
  CHECK(matcher().match({"martha.quinn", "corp.example"})->kind == BaitKind::address);
  CHECK(matcher().match({"anyone", "trap.example"})->kind == BaitKind::domain);
  CHECK(matcher().match({"zq81-kv", "gmail.com"})->kind == BaitKind::local_part);
}

TEST_CASE("case cannot hide a bait") {
  CHECK(hit("MARTHA.Quinn", "Corp.EXAMPLE") == 1);
  CHECK(hit("x", "TRAP.Example") == 2);
  CHECK(hit("Zq81-KV", "other.example") == 3);
}

TEST_CASE("trailing dots cannot hide a bait") {
  CHECK(hit("martha.quinn", "corp.example.") == 1);
  CHECK(hit("x", "trap.example...") == 2);
}

TEST_CASE("a sub-address cannot hide a bait") {
  CHECK(hit("martha.quinn+news", "corp.example") == 1);
  CHECK(hit("martha.quinn+a+b+", "corp.example") == 1);
  CHECK(hit("zq81-kv+x", "gmail.com") == 3);
  CHECK(hit("martha.quinn" + repeat("+", 52), "corp.example") == 1);
}

TEST_CASE("a bait that holds a separator needs all of it") {
  CHECK(hit("old+name", "corp.example") == 4);
  CHECK(hit("old+name+tag", "corp.example") == 4);
  CHECK(hit("old", "corp.example") == 0);
  CHECK(hit("old+other", "corp.example") == 0);
}

TEST_CASE("separators are the site's choice") {
  const std::vector<Bait> baits = {{BaitId{1}, BaitKind::local_part, "quinn", ""}};
  const Matcher dashes{baits, "-="};
  CHECK(dashes.match({"quinn-x=y", "a.example"}));
  CHECK_FALSE(dashes.match({"quinn+x", "a.example"}));
  const Matcher without{baits, ""};
  CHECK(without.match({"quinn", "a.example"}));
  CHECK_FALSE(without.match({"quinn+x", "a.example"}));
}

TEST_CASE("a quoted bait is the mailbox without its quotes") {
  CHECK(hit("two words", "corp.example") == 8);
  CHECK(hit("Two Words+x", "corp.example") == 8);
}

TEST_CASE("the form of an internationalized domain cannot hide a bait") {
  SUBCASE("planted as U-label, used as A-label") {
    CHECK(hit("x", "xn--bcher-kva.example") == 5);
    CHECK(hit("x", "XN--BCHER-KVA.example") == 5);
  }
  SUBCASE("planted as A-label, used as U-label") {
    CHECK(hit("j.doe", "m\xC3\xBCnchen.example") == 6);
    CHECK(hit("j.doe", "M\xC3\x9CNCHEN.example") == 6);
  }
  SUBCASE("a letter and its combining accent") {
    CHECK(hit("x",
              "bu\xCC\x88"
              "cher.example") == 5);
  }
  SUBCASE("an A-label that encodes a capital") { CHECK(hit("x", "xn--bcher-2pa.example") == 5); }
  SUBCASE("full-width letters") {
    CHECK(hit("x", "\xEF\xBD\x94\xEF\xBD\x92\xEF\xBD\x81\xEF\xBD\x90.example") == 2);
  }
  SUBCASE("ideographic full stops, also at the end") {
    CHECK(hit("x",
              "trap\xE3\x80\x82"
              "example") == 2);
    CHECK(hit("x",
              "trap\xEF\xBC\x8E"
              "example\xEF\xBD\xA1") == 2);
  }
  SUBCASE("a soft hyphen, which is mapped to nothing") {
    CHECK(hit("x",
              "tr\xC2\xAD"
              "ap.example") == 2);
  }
  SUBCASE("a broken label in front") {
    CHECK(hit("x",
              "xn--\xFF\xFE."
              "b\xC3\xBC"
              "cher.example") == 5);
    CHECK(hit("x",
              "xn--99999999."
              "trap.example") == 2);
    CHECK(hit("x", std::string(100, 'a') + ".b\xC3\xBC"
                                           "cher.example") == 5);
  }
}

TEST_CASE("a bait domain catches its subdomains, however deep") {
  CHECK(hit("x", "mail.trap.example") == 2);
  CHECK(hit("x", repeat("a.", 121) + "trap.example") == 2);
  CHECK(hit("x", "\xC3\xBC.xn--bcher-kva.example") == 5);
}

TEST_CASE("Bugbear's mixes are caught") {
  // BESIDES 5.1: one address's local part with another's domain.
  CHECK(hit("zq81-kv", "corp.example") == 3);       // bait local part, real domain
  CHECK(hit("martha.quinn", "trap.example") == 2);  // local part of a bait address, bait domain
  CHECK(hit("honest", "trap.example") == 2);        // real local part, bait domain
  CHECK(hit("zq81-kv", "xn--mnchen-3ya.example") == 3);
}

TEST_CASE("an address comes before a domain, a domain before a local part") {
  CHECK(hit("both", "trap.example") == 7);
  CHECK(hit("both+x", "trap.example") == 7);
  CHECK(hit("zq81-kv", "trap.example") == 2);
  std::vector<std::int64_t> all;
  matcher().each_match({"both", "trap.example"}, [&](const Hit& found) {
    all.push_back(static_cast<std::int64_t>(found.id));
  });
  CHECK(all == std::vector<std::int64_t>{7, 2});
}

TEST_CASE("a near miss is no hit") {
  CHECK(hit("martha.quin", "corp.example") == 0);
  CHECK(hit("martha.quinnn", "corp.example") == 0);
  CHECK(hit("martha-quinn", "corp.example") == 0);
  CHECK(hit("martha.quinn", "corp.example.org") == 0);
  CHECK(hit("martha.quinn", "sub.corp.example") == 0);  // a bait address covers no subdomain
  CHECK(hit("x", "mousetrap.example") == 0);
  CHECK(hit("x", "example") == 0);
  CHECK(hit("x", "trap.example.com") == 0);
  CHECK(hit("trap.example", "corp.example") == 0);
  CHECK(hit("zq81", "corp.example") == 0);
  CHECK(hit("tag+zq81-kv", "corp.example") == 0);
  CHECK(hit("two  words", "corp.example") == 0);
  CHECK(hit("x", "bucher.example") == 0);
}

TEST_CASE("one part of a mailbox cannot pass for another") {
  const std::vector<Bait> baits = {{BaitId{1}, BaitKind::address, "b@c.example", ""}};
  const Matcher table{baits};
  CHECK_FALSE(table.match({"", "c.example@b"}));
  CHECK_FALSE(table.match({"x", "c.example@b"}));
  CHECK_FALSE(table.match({"c.example@b", ""}));
}

TEST_CASE("mailboxes without a part, or over the limits, do no harm") {
  CHECK(hit("", "") == 0);
  CHECK(hit("postmaster", "") == 0);
  CHECK(hit("", "trap.example") == 2);
  CHECK(hit("zq81-kv", "") == 3);
  CHECK(hit("zq81-kv", "[192.0.2.1]") == 3);
  CHECK(hit("x", "[IPv6:2001:db8::1]") == 0);
  CHECK(hit("x", "...") == 0);
  CHECK(hit(std::string(5000, 'a'), "trap.example") == 2);
  CHECK(hit("zq81-kv", std::string(100000, 'a')) == 3);
  CHECK(hit("\xFF\xFE", "\xC3.\xFF") == 0);
}

TEST_CASE("a domain that grows as it is mapped still hides nothing") {
  // 60 labels of one u-umlaut: 180 octets as written, 480 as A-labels.
  CHECK(hit("x", repeat("\xC3\xBC.", 60) + "trap.example") == 2);
}

TEST_CASE("of equal baits the first is kept, and what has no normal form is left out") {
  const std::vector<Bait> baits = {{BaitId{1}, BaitKind::domain, "a.example", ""},
                                   {BaitId{2}, BaitKind::domain, "A.EXAMPLE.", ""},
                                   {BaitId{3}, BaitKind::address, "no-at-sign", ""},
                                   {BaitId{4}, BaitKind::local_part, "not@local", ""},
                                   {BaitId{5}, BaitKind::domain, "...", ""},
                                   {BaitId{6}, BaitKind::local_part, "", ""},
                                   {BaitId{7}, BaitKind::address, "@a.example", ""}};
  const Matcher table{baits};
  CHECK(table.size() == 1);
  CHECK(table.match({"x", "a.example"})->id == BaitId{1});
  CHECK(table.find({{}, BaitKind::domain, "a.Example", ""}) == BaitId{1});
  CHECK_FALSE(table.find({{}, BaitKind::local_part, "a.example", ""}));
}

TEST_CASE("an empty matcher matches nothing, also after a move") {
  Matcher table;
  CHECK(table.size() == 0);
  CHECK_FALSE(table.match({"x", "y.example"}));
  table = Matcher{planted};
  CHECK(table.match({"x", "trap.example"}));
}

TEST_CASE("every one of many baits is found") {
  std::vector<Bait> baits;
  baits.reserve(20000);
  for (int i = 0; i < 20000; ++i) {
    baits.push_back({BaitId{i + 1}, BaitKind::address, "n" + std::to_string(i) + "@c.example", ""});
  }
  const Matcher table{baits};
  REQUIRE(table.size() == 20000);
  for (int i = 0; i < 20000; ++i) {
    const auto found = table.match({"N" + std::to_string(i), "c.example"});
    REQUIRE(found);
    REQUIRE(found->id == BaitId{i + 1});
  }
  for (int i = 20000; i < 40000; ++i) {
    REQUIRE_FALSE(table.match({"n" + std::to_string(i), "c.example"}));
  }
}

TEST_CASE("the hash is SipHash-2-4") {
  // Values of the paper's appendix A and of its reference vectors: key 00..0f, input 00, 01, ...
  const HashKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::string input;
  CHECK(siphash(key, input) == 0x726fdb47dd0e0e31);
  for (char c = 0; c < 15; ++c) input += c;
  CHECK(siphash(key, input) == 0xa129ca6149be45e5);
  const HashKey one = random_hash_key();
  const HashKey other = random_hash_key();
  CHECK((one.low != other.low || one.high != other.high));
}

}  // namespace cordon::baits
