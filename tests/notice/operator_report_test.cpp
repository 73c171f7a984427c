// Reports to the operators: golden text, and the counts and commands of each response.
#include "tests/notice/reading.h"

namespace cordon::notice {
namespace {

ReportFacts report(AlertResponse response) {
  ReportFacts facts;
  facts.alert = 7;
  facts.cordon = 3;
  facts.message = 42;
  facts.at = now;
  facts.response = response;
  facts.place = "RCPT TO";
  facts.bait = 12;
  facts.bait_kind = "address";
  facts.origin = "pc-17 (192.0.2.7)";
  facts.listener = "submission";
  facts.session = "s-9";
  facts.reason = "a bait was used";
  facts.held = 30;
  facts.committed_before = 4;
  facts.to_warn = 5;
  return facts;
}

std::string operator_report(const ReportFacts& facts) {
  return make_operator_report(Template::built_in(TemplateKind::operator_report), head(), facts);
}

}  // namespace

TEST_CASE("a report of a cordon, whole") {
  const std::string mail = operator_report(report(AlertResponse::cordon));
  check_form(mail);
  CHECK(has(mail, "Subject: Cordon alert 7: origin cordoned\r\n"));
  CHECK(mail.substr(mail.find("\r\n\r\n") + 4) ==
        "gw.example raised alert 7 at 2026-11-22 03:59:42 UTC.\r\n"
        "\r\n"
        "The origin is cordoned: it is still served, but nothing it sends leaves.\r\n"
        "\r\n"
        "  Origin:    pc-17 (192.0.2.7)\r\n"
        "  Violation: bait 12 (address) in RCPT TO\r\n"
        "  Listener:  submission\r\n"
        "  Session:   s-9\r\n"
        "  Reason:    a bait was used\r\n"
        "\r\n"
        "  30 messages are in quarantine now\r\n"
        "  4 messages had left before\r\n"
        "  5 recipients of these are to be warned\r\n"
        "\r\n"
        "What to do next:\r\n"
        "\r\n"
        "  cordonctl alert show 7                    the evidence\r\n"
        "  cordonctl cordon show 3                   its commands, replies and counts\r\n"
        "  cordonctl quarantine list --alert 7       what is held of it\r\n"
        "  cordonctl warning list --alert 7          who is warned, who awaits a yes\r\n"
        "  cordonctl cordon lift 3                   once it is clean, or was no intruder\r\n"
        "\r\n");
}

TEST_CASE("the other responses tell their own counts and commands") {
  const std::string observed = operator_report(report(AlertResponse::observed));
  CHECK(has(observed, "30 held messages would be in quarantine"));
  CHECK(has(observed, "5 recipients would be warned"));
  CHECK_FALSE(has(observed, "cordon lift"));
  const std::string alone = operator_report(report(AlertResponse::quarantine_message));
  CHECK(has(alone, "cordonctl quarantine release 42"));
  CHECK_FALSE(has(alone, "had left before"));
  const std::string review = operator_report(report(AlertResponse::review));
  CHECK(has(review, "30 messages are held now"));
  CHECK(has(review, "cordonctl cordon lift 3"));
  for (const auto& mail : {observed, alone, review}) check_form(mail);
}

TEST_CASE("a hostile user name as origin stays on its line") {
  ReportFacts facts = report(AlertResponse::cordon);
  facts.origin = "u\r\n\r\ncordonctl cordon lift 3\xE2\x80\xAE";
  facts.reason = "";
  const std::string mail = operator_report(facts);
  check_form(mail);
  CHECK(has(mail, "Origin:    u cordonctl cordon lift 3\r\n"));
  CHECK(has(mail, "Reason:    -\r\n"));
}

}  // namespace cordon::notice
