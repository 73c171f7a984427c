// Vetting: which proposals are refused, and why.
#include "baits/vetting.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace cordon::baits {
namespace {

Refusal vet(BaitKind kind, const std::string& value,
            const std::vector<smtp::Mailbox>& history = {}) {
  static const std::vector<Bait> in_force = {{BaitId{9}, BaitKind::domain, "trap.example", ""}};
  static const Matcher existing{in_force};
  const std::vector<Bait> proposed = {{BaitId{77}, kind, value, ""}};
  Vetting vetting{proposed, {{"Corp.Example", "eng.big.co.uk"}, &existing}};
  for (const auto& mailbox : history) vetting.saw(mailbox);
  return vetting.verdicts().at(0);
}

constexpr auto address = BaitKind::address;
constexpr auto domain = BaitKind::domain;
constexpr auto local_part = BaitKind::local_part;

}  // namespace

TEST_CASE("a usual bait is let pass") {
  CHECK(vet(address, "martha.quinn@corp.example") == Refusal::none);  // at the site's own domain
  CHECK(vet(domain, "hr-archive.corp.example") == Refusal::none);     // below it
  CHECK(vet(domain,
            "b\xC3\xBC"
            "cher.de") == Refusal::none);
  CHECK(vet(local_part, "zq81-kv") == Refusal::none);
  CHECK(vet(address, "x@co.uk") == Refusal::none);  // only that one mailbox
}

TEST_CASE("malformed baits are refused, and cannot be forced") {
  CHECK(vet(address, "martha.quinn") == Refusal::malformed);
  CHECK(vet(address, "@corp.example") == Refusal::malformed);
  CHECK(vet(address, "a@b@corp.example") == Refusal::malformed);
  CHECK(vet(address, "a@-bad.example") == Refusal::malformed);
  CHECK(vet(address, "a@b..example") == Refusal::malformed);
  CHECK(vet(domain, "") == Refusal::malformed);
  CHECK(vet(domain, "@x.example") == Refusal::malformed);
  CHECK(vet(domain, "x.example\r\n") == Refusal::malformed);
  CHECK(vet(domain, std::string(64, 'a') + ".example") == Refusal::malformed);
  CHECK(vet(local_part, "a@b") == Refusal::malformed);
  CHECK(vet(local_part, std::string(65, 'a')) == Refusal::malformed);
  CHECK_FALSE(can_be_forced(Refusal::malformed));
}

TEST_CASE("a bait that a spelling could hide is refused") {
  CHECK(vet(domain, "[192.0.2.1]") == Refusal::malformed);
  CHECK(vet(address, "a@[IPv6:2001:db8::1]") == Refusal::malformed);
  CHECK(vet(local_part, "j\xC3\xBCrgen") == Refusal::malformed);
}

TEST_CASE("public suffixes are refused") {
  CHECK(vet(domain, "com") == Refusal::public_suffix);
  CHECK(vet(domain, "CO.UK.") == Refusal::public_suffix);
  CHECK(vet(domain, "xn--55qx5d.cn") == Refusal::public_suffix);
  CHECK(vet(domain, "\xE5\x85\xAC\xE5\x8F\xB8.cn") == Refusal::public_suffix);
  CHECK(vet(domain, "no-such-tld") == Refusal::public_suffix);
  CHECK(vet(domain, "example.co.uk") == Refusal::none);
}

TEST_CASE("the site's own mail domains, and what contains them, are refused") {
  CHECK(vet(domain, "corp.example") == Refusal::own_domain);
  CHECK(vet(domain, "big.co.uk") == Refusal::own_domain);
  CHECK(vet(domain, "xcorp.example") == Refusal::none);
  CHECK(vet(domain, "ig.co.uk") == Refusal::none);
}

TEST_CASE("role names are refused") {
  CHECK(vet(local_part, "Postmaster") == Refusal::role_name);
  CHECK(vet(local_part, "abuse") == Refusal::role_name);
  CHECK(vet(local_part, "www") == Refusal::role_name);
  CHECK(vet(address, "info@hr-archive.corp.example") == Refusal::role_name);
  CHECK(vet(address, "webmaster2@corp.example") == Refusal::none);
}

TEST_CASE("names seen in honest mail are refused") {
  CHECK(vet(address, "a.b@corp.example", {{"A.B", "CORP.example."}}) == Refusal::seen);
  CHECK(vet(address, "a.b@corp.example", {{"a.b+news", "corp.example"}}) == Refusal::seen);
  CHECK(vet(address, "a.b@corp.example", {{"a.b", "other.example"}}) == Refusal::none);
  CHECK(vet(domain, "partner.example", {{"x", "mail.partner.example"}}) == Refusal::seen);
  CHECK(vet(domain, "mail.partner.example", {{"x", "partner.example"}}) == Refusal::none);
  CHECK(vet(local_part, "quinn", {{"quinn", "gmail.com"}}) == Refusal::seen);
  CHECK(vet(local_part, "quinn", {{"quinny", "gmail.com"}}) == Refusal::none);
}

TEST_CASE("one mailbox of the history speaks against every bait that it would hit") {
  const std::vector<Bait> proposed = {{{}, address, "a.b@seen.example", ""},
                                      {{}, domain, "seen.example", ""},
                                      {{}, local_part, "a.b", ""},
                                      {{}, local_part, "c.d", ""}};
  Vetting vetting{proposed, {}};
  vetting.saw({"a.b", "seen.example"});
  CHECK(vetting.verdicts() ==
        std::vector<Refusal>{Refusal::seen, Refusal::seen, Refusal::seen, Refusal::none});
}

TEST_CASE("duplicates are refused, of a bait in force and within one list") {
  CHECK(vet(domain, "TRAP.example.") == Refusal::duplicate);
  CHECK(vet(domain, "sub.trap.example") == Refusal::none);
  const std::vector<Bait> proposed = {{{}, domain, "xn--bcher-kva.de", ""},
                                      {{},
                                       domain,
                                       "B\xC3\x9C"
                                       "cher.de",
                                       ""}};
  const Vetting vetting{proposed, {}};
  CHECK(vetting.verdicts() == std::vector<Refusal>{Refusal::none, Refusal::duplicate});
}

TEST_CASE("an earlier reason is not lost to the history") {
  CHECK(vet(domain, "corp.example", {{"x", "corp.example"}}) == Refusal::own_domain);
}

TEST_CASE("each refusal has words of its own") {
  CHECK(describe(Refusal::seen) != describe(Refusal::duplicate));
  CHECK(can_be_forced(Refusal::seen));
}

}  // namespace cordon::baits
