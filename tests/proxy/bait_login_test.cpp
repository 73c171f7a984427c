// Baits to log in with: which names are such, and what is asked about in their place.
#include "proxy/bait_login.h"

#include <doctest/doctest.h>

namespace cordon::proxy {
namespace {

using baits::BaitId;
using baits::BaitKind;

const std::vector<baits::Bait> planted{{BaitId{1}, BaitKind::local_part, "old.archive", ""},
                                       {BaitId{2}, BaitKind::address, "anna@trap.example", ""},
                                       {BaitId{3}, BaitKind::domain, "hr.bait.example", ""}};
const baits::Matcher matcher{planted};
const StandIns stand_ins;

smtp::Credentials as(std::string user, std::string secret = "secret",
                     std::string authorize_as = "") {
  smtp::Credentials given;
  given.user = std::move(user);
  given.secret = std::move(secret);
  given.authorize_as = std::move(authorize_as);
  return given;
}
std::string asked_for(const std::string& user) {
  return stand_ins.of(matcher, as(user)).login->user;
}
bool is_bait(const std::string& user) { return bait_in(matcher, as(user)).has_value(); }

TEST_CASE("a bait is known in whatever form servers take a name") {
  for (const char* name :
       {"old.archive", "OLD.Archive", "old.archive@in.example", " old.archive\t", "<old.archive>",
        "<old.archive@in.example> ", "CORP\\old.archive", "CORP\\old.archive@in.example",
        "\"old.archive\"", "\"old\\.archive\"@in.example", "old.archive+tag", "old.archive@",
        "old.archive@not a domain", "anna@trap.example", "TRAP.example\\anna", "x@hr.bait.example",
        "hr.bait.example\\x", "x@sub.hr.bait.example"}) {
    CAPTURE(name);
    CHECK(is_bait(name));
    CHECK(bait_in(matcher, as("carl@in.example", "secret", name)));
  }
  for (const char* name :
       {"", "anna", "archive", "new.archive@in.example", "@", "\\", "<>", " ", "anna@in.example",
        "CORP\\anna", "old.archive\\anna", "x@bait.example"}) {
    CAPTURE(name);
    CHECK_FALSE(is_bait(name));
  }
}

TEST_CASE("a stand-in has the shape of what was given, part by part") {
  const auto given = as("Old.Archive@In.Example", std::string(3000, 's'), "zz");
  const Login asked = stand_ins.of(matcher, given).login;
  CHECK_FALSE(bait_in(matcher, *asked));
  REQUIRE(asked->user.size() == given.user.size());
  CHECK(asked->user.substr(11) == "@In.Example");
  CHECK(asked->user.substr(0, 11) != "Old.Archive");
  CHECK(asked->user[3] == '.');
  CHECK((asked->user[0] >= 'A' && asked->user[0] <= 'Z'));
  CHECK(asked->authorize_as.size() == 2);
  CHECK(asked->authorize_as != "zz");
  CHECK(asked->secret.size() == 3000);
  CHECK(asked->secret != given.secret);
  CHECK(stand_ins.of(matcher, as("old.archive", "")).login->authorize_as.empty());
  CHECK(stand_ins.of(matcher, as("old.archive", "")).login->secret.empty());
  CHECK(asked_for("anna@trap.example").ends_with("@trap.example"));
  CHECK(asked_for(" CORP\\old.archive>").starts_with(" CORP\\"));
  CHECK(asked_for(" CORP\\old.archive>").ends_with(">"));
}

TEST_CASE("a domain that is the bait is made up, reserved if there is room") {
  const std::string asked = asked_for("anna@hr.bait.example");
  CHECK(asked.size() == std::string("anna@hr.bait.example").size());
  CHECK(asked.ends_with(".invalid"));
  CHECK(asked.find("bait") == std::string::npos);
  CHECK(asked.find("..") == std::string::npos);
  const std::vector<baits::Bait> small{{BaitId{1}, BaitKind::domain, "b.example", ""},
                                       {BaitId{2}, BaitKind::domain, "a.de", ""}};
  const baits::Matcher both{small};
  const auto made = [&](const char* name) { return stand_ins.of(both, as(name)).login->user; };
  CHECK(made("x@b.example").substr(1).size() == std::string("@b.example").size());
  CHECK(made("x@b.example").ends_with(".invalid"));
  CHECK(made("xyz@a.de").size() == 8);
  CHECK(made("xyz@a.de").find("a.de") == std::string::npos);
  CHECK(made("a.de\\xyz").find("a.de") == std::string::npos);
}

TEST_CASE("the same name has the same stand-in, another has another") {
  CHECK(asked_for("old.archive") == asked_for("old.archive"));
  CHECK(asked_for("old.archive") != asked_for("old.archive+x"));
  CHECK(asked_for("one@hr.bait.example") != asked_for("two@hr.bait.example"));
  const auto domain_of = [](const std::string& name) { return name.substr(name.find('@')); };
  CHECK(domain_of(asked_for("one@hr.bait.example")) == domain_of(asked_for("a@hr.bait.example")));
  // As to a server that takes names in any case.
  std::string shouted = asked_for("OLD.ARCHIVE");
  for (char& c : shouted) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  CHECK(asked_for("old.archive") == shouted);
  CHECK(StandIns().of(matcher, as("old.archive")).login->user != asked_for("old.archive"));
}

TEST_CASE("a name with hardly any letters is no reason to send a bait") {
  const std::vector<baits::Bait> odd{{BaitId{1}, BaitKind::local_part, "=", ""}};
  const baits::Matcher equals{odd};
  const auto asked = stand_ins.of(equals, as("=@in.example")).login->user;
  CHECK(asked.size() > std::string("=@in.example").size());
  CHECK(asked.ends_with("@in.example"));
  // Each letter is a bait but one.
  std::vector<baits::Bait> letters;
  for (char c = 'a'; c < 'z'; ++c)
    letters.push_back({BaitId{c}, BaitKind::local_part, std::string(1, c), ""});
  const auto left = stand_ins.of(baits::Matcher{letters}, as("a")).login->user;
  CHECK((left == "z" || left.size() == 16));
}

TEST_CASE("a server that repeats the name, or a part of it, is heard to repeat what was given") {
  const StandIn stand_in = stand_ins.of(matcher, as("Old.Archive@hr.bait.example", "x", "zz"));
  const std::string user = stand_in.login->user;
  const auto at = user.find('@');
  const auto told = [&](const std::string& text) {
    smtp::Reply reply;
    reply.text = text;
    return stand_in.translate(std::move(reply)).text;
  };
  std::string small = user;
  for (char& c : small) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  CHECK(told("no " + user) == "no Old.Archive@hr.bait.example");
  CHECK(told("no <" + small + ">") == "no <old.archive@hr.bait.example>");
  CHECK(told(user.substr(0, at) + ": who?") == "Old.Archive: who?");
  CHECK(told("not at " + user.substr(at + 1)) == "not at hr.bait.example");
  CHECK(told("not as " + stand_in.login->authorize_as) == "not as zz");
  CHECK(told("x" + stand_in.login->authorize_as) == "x" + stand_in.login->authorize_as);
  CHECK(told("") == "");
}

}  // namespace
}  // namespace cordon::proxy
