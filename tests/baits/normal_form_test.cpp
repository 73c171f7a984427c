// The normal form itself: what it folds and what it leaves.
#include "baits/normal_form.h"

#include <doctest/doctest.h>

#include "baits/idna.h"

namespace cordon::baits {

TEST_CASE("the key of a mailbox is domain@local, and each kind is a part of it") {
  const NormalMailbox normal{{"Some.One+Tag", "Mail.Example."}};
  CHECK(normal.domain() == "mail.example");
  CHECK(normal.local() == "some.one+tag");
  CHECK(normal.address_key(8) == "mail.example@some.one");
  CHECK(normal.local_key(8) == "@some.one");
  CHECK(kind_of_key("mail.example@some.one") == BaitKind::address);
  CHECK(kind_of_key("mail.example") == BaitKind::domain);
  CHECK(kind_of_key("@some.one") == BaitKind::local_part);
}

TEST_CASE("non-transitional: sharp s is a letter of its own") {
  CHECK(normal_domain("stra\xC3\x9F"
                      "e.example") == "xn--strae-oqa.example");
  CHECK(normal_domain("strasse.example") == "strasse.example");
}

TEST_CASE("a domain that is no name has no normal form") {
  CHECK_FALSE(normal_domain(""));
  CHECK_FALSE(normal_domain("."));
  CHECK_FALSE(normal_domain("a b"));
  CHECK_FALSE(normal_domain("a@b"));
  CHECK_FALSE(normal_domain(std::string("a\0b", 3)));
  CHECK_FALSE(normal_domain("a\r\nb"));
  CHECK_FALSE(normal_domain(std::string(256, 'a')));
  CHECK_FALSE(
      normal_domain("a\xEF\xBC\xA0"
                    "b.example"));  // a full-width @ maps to @
  CHECK(normal_domain(std::string(255, 'a')));
}

TEST_CASE("a local part keeps its octets above ASCII") {
  CHECK(normal_local("J\xC3\x9CRGEN") == "j\xC3\x9Crgen");
  CHECK_FALSE(normal_local(""));
  CHECK_FALSE(normal_local(std::string(65, 'a')));
}

TEST_CASE("the key of a bait comes from what the admin wrote") {
  CHECK(normal_key({{}, BaitKind::address, "\"a\\@b\"@C.example.", ""}) == "c.example@a@b");
  CHECK(normal_key({{}, BaitKind::local_part, "\"A b\"", ""}) == "@a b");
  CHECK(normal_key({{}, BaitKind::domain, "C.Example", ""}) == "c.example");
  CHECK_FALSE(normal_key({{}, BaitKind::address, "a@", ""}));
  CHECK_FALSE(normal_key({{}, BaitKind::address, "a b@c.example", ""}));
  CHECK_FALSE(normal_key({{}, BaitKind::local_part, ">\r\n", ""}));
}

TEST_CASE("what is no IDNA label is said to be none") {
  CHECK_FALSE(idna_label(""));
  CHECK_FALSE(idna_label("xn--99999999"));
  CHECK_FALSE(idna_label("\xFF"));
  CHECK(idna_label("plain") == "plain");
}

}  // namespace cordon::baits
