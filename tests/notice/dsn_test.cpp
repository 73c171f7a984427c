// Delivery status notifications: golden text, and that nothing hostile leaves its field or part.
#include "smtp/notice/dsn.h"

#include "smtp/notice/draft.h"
#include "tests/notice/reading.h"

namespace cordon::notice {
namespace {

constexpr WallTime later{std::chrono::milliseconds{1795751922000}};  // five days

DsnRecipient refused() {
  DsnRecipient recipient;
  recipient.mailbox = "nobody@example.net";
  recipient.orcpt = "rfc822;no+2Bbody@example.net";
  recipient.remote_mta = "mx.example.net";
  recipient.reply = {550, {5, 1, 1}, "No such user"};
  recipient.last_attempt = now;
  return recipient;
}

DsnRecipient with(DsnAction action, smtp::Reply reply) {
  DsnRecipient recipient;
  recipient.mailbox = "one@example.net";
  recipient.action = action;
  recipient.reply = std::move(reply);
  return recipient;
}

DsnFacts failure() {
  DsnFacts facts;
  facts.arrival = earlier;
  facts.envid = "QQ+2B314";
  facts.original_message_id = "<1@corp.example>";
  facts.original_subject = "Hello";
  facts.recipients = {refused()};
  facts.original = "From: al@corp.example\r\nSubject: Hello\r\n\r\n.Text\r\n";
  return facts;
}

// The group of the only recipient.
std::string group(const DsnRecipient& recipient) {
  DsnFacts facts = failure();
  facts.recipients = {recipient};
  const std::string mail = make_dsn(head(), facts);
  check_form(mail);
  const std::size_t start = mail.find("Final-Recipient:");
  return mail.substr(start, mail.find("\r\n--", start) - start);
}

std::string status_of(DsnAction action, smtp::Reply reply) {
  const std::string text = group(with(action, std::move(reply)));
  const std::size_t start = text.find("Status: ") + 8;
  return text.substr(start, text.find('\r', start) - start);
}

std::string last_part(const DsnFacts& facts) {
  const std::string mail = make_dsn(head(), facts);
  const std::size_t end = mail.rfind("\r\n--");
  const std::size_t start = mail.rfind("\r\n--", end - 1);
  return mail.substr(mail.find("\r\n", start + 2) + 2, end - mail.find("\r\n", start + 2) - 2);
}

}  // namespace

TEST_CASE("a report of a failure, whole") {
  CHECK(make_dsn(head(), failure()) ==
        "From: Mail Delivery System <MAILER-DAEMON@gw.example>\r\n"
        "To: jo@example.net\r\n"
        "Subject: Undelivered mail returned to sender\r\n"
        "Date: Sun, 22 Nov 2026 03:59:42 +0000\r\n"
        "Message-ID: <n1@gw.example>\r\n"
        "Auto-Submitted: auto-replied\r\n"
        "MIME-Version: 1.0\r\n"
        "In-Reply-To: <1@corp.example>\r\n"
        "References: <1@corp.example>\r\n"
        "Content-Type: multipart/report; report-type=delivery-status;\r\n"
        " boundary=\"=_cordon_1_\"\r\n"
        "\r\n"
        "This is a report in MIME format.\r\n"
        "\r\n--=_cordon_1_\r\n"
        "Content-Type: text/plain; charset=us-ascii\r\n"
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n"
        "This is the mail gateway gw.example, about this message:\r\n"
        "\r\n"
        "  Subject:  Hello\r\n"
        "  Received: 2026-11-22 03:58:42 UTC\r\n"
        "\r\n"
        "It could not be delivered to these recipients, and will not be tried again:\r\n"
        "\r\n"
        "  <nobody@example.net>\r\n"
        "    mx.example.net said:\r\n"
        "    550 5.1.1 No such user\r\n"
        "\r\n"
        "Its header follows.\r\n"
        "\r\n--=_cordon_1_\r\n"
        "Content-Type: message/delivery-status\r\n"
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n"
        "Original-Envelope-Id: QQ+314\r\n"
        "Reporting-MTA: dns; gw.example\r\n"
        "Arrival-Date: Sun, 22 Nov 2026 03:58:42 +0000\r\n"
        "\r\n"
        "Original-Recipient: rfc822; no+body@example.net\r\n"
        "Final-Recipient: rfc822; nobody@example.net\r\n"
        "Action: failed\r\n"
        "Status: 5.1.1\r\n"
        "Remote-MTA: dns; mx.example.net\r\n"
        "Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n"
        "Last-Attempt-Date: Sun, 22 Nov 2026 03:59:42 +0000\r\n"
        "\r\n--=_cordon_1_\r\n"
        "Content-Type: text/rfc822-headers\r\n"
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n"
        "From: al@corp.example\r\n"
        "Subject: Hello\r\n"
        "\r\n--=_cordon_1_--\r\n");
}

TEST_CASE("mimetic finds the three parts of a report") {
  const auto entity = parsed(make_dsn(head(), failure()));
  CHECK(entity.header().contentType().isMultipart());
  CHECK(entity.header().contentType().param("report-type") == "delivery-status");
  const auto& parts = entity.body().parts();
  REQUIRE(parts.size() == 3);
  auto part = parts.begin();
  CHECK((*part)->header().contentType().str().starts_with("text/plain"));
  ++part;
  CHECK((*part)->header().contentType().str() == "message/delivery-status");
  ++part;
  CHECK((*part)->header().contentType().str() == "text/rfc822-headers");
}

TEST_CASE("a delay says until when it is tried, and nothing else does (RFC 3464 2.3.9)") {
  DsnRecipient late = with(DsnAction::delayed, {451, {4, 4, 2}, "cannot connect"});
  late.will_retry_until = later;
  late.last_attempt = now;
  CHECK(group(late) ==
        "Final-Recipient: rfc822; one@example.net\r\n"
        "Action: delayed\r\n"
        "Status: 4.4.2\r\n"
        "Diagnostic-Code: smtp; 451 4.4.2 cannot connect\r\n"
        "Last-Attempt-Date: Sun, 22 Nov 2026 03:59:42 +0000\r\n"
        "Will-Retry-Until: Fri, 27 Nov 2026 03:58:42 +0000\r\n");
  DsnFacts facts = failure();
  facts.recipients = {late};
  const std::string mail = make_dsn(head(), facts);
  CHECK(has(mail, "Subject: Delayed mail (still being tried)\r\n"));
  CHECK(has(mail,
            "It is late for these recipients, and is still being tried. There is no need to\r\n"
            "send it again:\r\n\r\n  <one@example.net>\r\n    451 4.4.2 cannot connect\r\n"
            "    It is tried until 2026-11-27 03:58:42 UTC.\r\n"));
  late.action = DsnAction::failed;
  CHECK_FALSE(has(group(late), "Will-Retry-Until"));
}

TEST_CASE("each action has its word, its subject and its words for people") {
  struct Row {
    DsnAction action;
    const char* word;
    const char* subject;
    const char* told;
  };
  for (const Row& row : {
           Row{DsnAction::failed, "Action: failed\r\n", "Undelivered mail returned to sender",
               "will not be tried again"},
           Row{DsnAction::delayed, "Action: delayed\r\n", "Delayed mail (still being tried)",
               "still being tried. There"},
           Row{DsnAction::relayed, "Action: relayed\r\n", "Mail passed on as you asked to be told",
               "makes no reports\r\nof delivery"},
           Row{DsnAction::delivered, "Action: delivered\r\n",
               "Mail delivered as you asked to be told", "It was delivered to"},
       }) {
    DsnFacts facts = failure();
    facts.recipients = {with(row.action, {})};
    const std::string mail = make_dsn(head(), facts);
    check_form(mail);
    CHECK(has(mail, row.word));
    CHECK(has(mail, std::string("Subject: ") + row.subject + "\r\n"));
    CHECK(has(mail, row.told));
  }
}

TEST_CASE("recipients of several fates are told apart, the failures first") {
  DsnFacts facts = failure();
  facts.recipients = {with(DsnAction::relayed, {250, {2, 0, 0}, "Taken"}),
                      with(DsnAction::delayed, {}), refused()};
  const std::string mail = make_dsn(head(), facts);
  check_form(mail);
  CHECK(has(mail, "Subject: Undelivered mail returned to sender\r\n"));
  CHECK(mail.find("could not be delivered") < mail.find("It is late"));
  CHECK(mail.find("It is late") < mail.find("It was passed on"));
  CHECK(has(mail,
            "\r\n\r\nFinal-Recipient: rfc822; one@example.net\r\nAction: relayed\r\n"
            "Status: 2.0.0\r\nDiagnostic-Code: smtp; 250 2.0.0 Taken\r\n\r\nFinal-Recipient"));
}

TEST_CASE("the status agrees with the action (RFC 3464 2.3.3, 2.3.4)") {
  CHECK(status_of(DsnAction::failed, {}) == "5.0.0");
  CHECK(status_of(DsnAction::failed, {550, {}, "no"}) == "5.0.0");
  CHECK(status_of(DsnAction::failed, {451, {}, "given up"}) == "4.0.0");
  CHECK(status_of(DsnAction::failed, {451, {4, 3, 0}, "given up"}) == "4.3.0");
  CHECK(status_of(DsnAction::delayed, {}) == "4.0.0");
  CHECK(status_of(DsnAction::delayed, {552, {5, 5, 3}, "Too many recipients"}) == "4.5.3");
  CHECK(status_of(DsnAction::relayed, {250, {}, "ok"}) == "2.0.0");
  CHECK(status_of(DsnAction::relayed, {250, {2, 1, 5}, "ok"}) == "2.1.5");
  DsnRecipient expired = with(DsnAction::failed, {450, {4, 2, 0}, "Greylisted"});
  expired.status = {4, 4, 7};
  expired.remote_mta = "mx.example.net";
  CHECK(has(group(expired),
            "Status: 4.4.7\r\nRemote-MTA: dns; mx.example.net\r\n"
            "Diagnostic-Code: smtp; 450 4.2.0 Greylisted\r\n"));
  DsnFacts facts = failure();
  facts.recipients = {expired};
  CHECK(has(make_dsn(head(), facts),
            "    not delivered in time; of the last try:\r\n    mx.example.net said:\r\n"));
}

TEST_CASE("a reply of many lines is transcribed line by line (RFC 3461 9.2)") {
  const DsnRecipient recipient =
      with(DsnAction::failed, {550, {5, 1, 6}, "mailbox unavailable\nuser has moved"});
  CHECK(
      has(group(recipient),
          "Diagnostic-Code: smtp; 550-5.1.6 mailbox unavailable\r\n 550 5.1.6 user has moved\r\n"));
}

TEST_CASE("a name that is no domain does not say that it is one (RFC 3461 6.3)") {
  NoticeHead local = head();
  local.hostname = "gateway";
  CHECK(has(make_dsn(local, failure()), "Reporting-MTA: x-local-hostname; gateway\r\n"));
}

TEST_CASE("what the operators get in the sender's place has a remark") {
  DsnFacts facts = failure();
  facts.remark = "Its sender is not told.";
  CHECK(has(make_dsn(head(), facts), "\r\n\r\nIts sender is not told.\r\n\r\nIts header follows"));
}

TEST_CASE("hostile envelope values and upstream words stay within their fields") {
  DsnFacts facts = failure();
  facts.envid = "a+0D+0ABcc:+20x";
  facts.original_subject = "x\r\nBcc: y";
  auto& recipient = facts.recipients[0];
  recipient.orcpt = "rfc822;a+0D+0AAction:+20delivered";
  recipient.reply.text =
      std::string(5000, 'a') + "\r\nAction: delivered\nx\xFF\n" + std::string(500, '\n');
  recipient.remote_mta = "mx\r\nAction: delivered";
  recipient.mailbox = "\"a\r\nAction: delivered\"@x.example";
  const std::string mail = make_dsn(head(), facts);
  check_form(mail);
  CHECK_FALSE(has(mail, "\r\nAction: delivered"));
  CHECK_FALSE(has(mail, "\r\nBcc"));
  CHECK(mail.size() < 12'000);
  CHECK(parsed(mail).body().parts().size() == 3);
}

TEST_CASE("malformed xtext is left out rather than guessed at") {
  DsnFacts facts = failure();
  facts.envid = "a+Z";
  for (const char* orcpt : {"no-type", ";x", "rfc822;", "rfc822;a+", "a b;x", "r\r\n;x"}) {
    facts.recipients[0].orcpt = orcpt;
    const std::string mail = make_dsn(head(), facts);
    CHECK_FALSE(has(mail, "Original-Recipient"));
    CHECK_FALSE(has(mail, "Original-Envelope-Id"));
  }
}

TEST_CASE("internationalized recipients are told in the 7-bit form of RFC 6533") {
  DsnFacts facts = failure();
  facts.recipients[0].mailbox = "j\xC3\xBC+x@b\xC3\xBC.example";
  facts.recipients[0].orcpt = "utf-8;\xC3\xBC\\x{2B}y@b\xC3\xBC.example";
  const std::string mail = make_dsn(head(), facts);
  check_form(mail);
  CHECK(has(mail, "Final-Recipient: utf-8; j\\x{FC}\\x{2B}x@b\\x{FC}.example\r\n"));
  CHECK(has(mail, "Original-Recipient: utf-8; \\x{FC}\\x{2B}y@b\\x{FC}.example\r\n"));
  facts.recipients[0].orcpt = "utf-8;\\x{FC}y@example.net";
  CHECK(has(make_dsn(head(), facts), "Original-Recipient: utf-8; \\x{FC}y@example.net\r\n"));
  facts.recipients[0].orcpt = "rfc822;+C3+BC+2By@example.net";  // as Postfix writes it
  CHECK(has(make_dsn(head(), facts), "Original-Recipient: utf-8; \\x{FC}\\x{2B}y@example.net\r\n"));
  facts.recipients[0].orcpt = "rfc822;+C3y@example.net";
  CHECK_FALSE(has(make_dsn(head(), facts), "Original-Recipient"));
}

TEST_CASE("the original cannot end its part, and its header is bounded") {
  DsnFacts facts = failure();
  facts.original = "X: y\r\n--=_cordon_1_--\r\nZ: z\r\n\r\n";
  std::string mail = make_dsn(head(), facts);
  check_form(mail);
  CHECK(parsed(mail).body().parts().size() == 3);
  CHECK(has(mail, "boundary=\"=_cordon_2_\""));
  facts.original = "X: \xFF\rbare\r\n";
  mail = make_dsn(head(), facts);
  check_form(mail);
  CHECK(has(mail, "X: =FF=0Dbare\r\n"));
  facts.original.clear();
  for (int i = 0; i < 3000; ++i) facts.original += "X-Line: " + std::to_string(i) + "\r\n";
  mail = make_dsn(head(), facts);
  CHECK(mail.size() < 20000);
  CHECK(has(mail, "X-Line: 900\r\n"));
  facts.original = std::string(100000, 'x');
  check_form(make_dsn(head(), facts));
}

TEST_CASE("the whole original goes back as it is, if an encoding can carry it") {
  const std::string plain =
      "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\n";
  const std::string header =
      "Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
      "From: al@corp.example\r\nSubject: Hello\r\n";
  DsnFacts facts = failure();
  facts.returned = Returned::whole;
  CHECK(last_part(facts) == plain + facts.original);
  CHECK(has(make_dsn(head(), facts), "\r\n\r\nThe message follows.\r\n"));
  CHECK(parsed(make_dsn(head(), facts)).body().parts().size() == 3);

  const std::string top = facts.original;
  SUBCASE("controls") {
    facts.original = top + "\x1B[1m\f\x7F\r\n";
    CHECK(last_part(facts) == plain + facts.original);
  }
  SUBCASE("a last line without an end") {
    facts.original = top + "end";
    CHECK(last_part(facts) == plain + facts.original + "\r\n");
  }
  SUBCASE("998 octets, and 999") {
    facts.original = top + std::string(998, 'x') + "\r\n";
    CHECK(last_part(facts) == plain + facts.original);
    facts.original = top + std::string(999, 'x') + "\r\n";
    CHECK(last_part(facts) == header);
    CHECK(has(make_dsn(head(), facts), "Its header follows."));
  }
  SUBCASE("8-bit octets, where they may be and where not") {
    facts.original = top +
                     "gr\xC3\xBC\xC3\x9F"
                     "e\r\n";
    CHECK(last_part(facts) == header);
    facts.may_be_eight_bit = true;
    CHECK(last_part(facts) ==
          "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" +
              facts.original);
  }
  SUBCASE("a bare CR, a bare LF or a NUL") {
    for (const std::string& octets : {std::string("\r"), std::string("\n"), std::string(1, '\0')}) {
      facts.original = top;
      facts.original.append("a").append(octets).append("b\r\n");
      CHECK(last_part(facts) == header);
    }
  }
}

TEST_CASE(
    "an internationalized original has types of its own, encoded (RFC 6532 3.7, RFC 6533 6)") {
  DsnFacts facts = failure();
  facts.internationalized = true;
  CHECK(last_part(facts).starts_with("Content-Type: text/rfc822-headers\r\n"));  // it is ASCII
  facts.original =
      "Subject: gr\xC3\xBC\xC3\x9F"
      "e\r\n\r\n\xC3\xBC\r\n";
  check_form(make_dsn(head(), facts));
  CHECK(last_part(facts) ==
        "Content-Type: message/global-headers\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\nSubject: gr=C3=BC=C3=9Fe\r\n");
  facts.returned = Returned::whole;
  check_form(make_dsn(head(), facts));
  CHECK(last_part(facts) ==
        "Content-Type: message/global\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        "Subject: gr=C3=BC=C3=9Fe\r\n\r\n=C3=BC\r\n");
}

TEST_CASE("which identity carries a text (RFC 2045 2.7, 2.8)") {
  CHECK(identity_of("") == Identity::seven_bit);
  CHECK(identity_of("a\r\n\r\nb") == Identity::seven_bit);
  CHECK(identity_of("a\r\n\x80\r\n") == Identity::eight_bit);
  CHECK(identity_of("a\r\r\n") == Identity::none);
  CHECK(identity_of("a\n") == Identity::none);
  CHECK(identity_of("\x80\r\n" + std::string(999, 'a')) == Identity::none);
}

}  // namespace cordon::notice
