// Bounces: golden text, and that nothing hostile leaves its field or part.
#include "tests/notice/reading.h"

namespace cordon::notice {
namespace {

BounceFacts bounce() {
  BounceFacts facts;
  facts.arrival = earlier;
  facts.envid = "QQ+2B314";
  facts.original_message_id = "<1@corp.example>";
  BouncedRecipient recipient;
  recipient.mailbox = "nobody@example.net";
  recipient.orcpt = "rfc822;no+2Bbody@example.net";
  recipient.remote_mta = "mx.example.net";
  recipient.reply = {550, {5, 1, 1}, "No such user"};
  facts.recipients.push_back(recipient);
  facts.header = "From: al@corp.example\r\nSubject: Hello\r\n";
  return facts;
}

}  // namespace

TEST_CASE("a bounce, whole") {
  CHECK(make_bounce(head(), bounce()) ==
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
        "This is the mail gateway gw.example.\r\n"
        "\r\n"
        "Your message could not be delivered to these recipients:\r\n"
        "\r\n"
        "  <nobody@example.net>\r\n"
        "    mx.example.net said:\r\n"
        "    550 5.1.1 No such user\r\n"
        "\r\n"
        "The header of your message follows.\r\n"
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
        "\r\n--=_cordon_1_\r\n"
        "Content-Type: text/rfc822-headers\r\n"
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n"
        "From: al@corp.example\r\n"
        "Subject: Hello\r\n"
        "\r\n--=_cordon_1_--\r\n");
}

TEST_CASE("mimetic finds the three parts of a bounce") {
  const auto entity = parsed(make_bounce(head(), bounce()));
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

TEST_CASE("late and failed recipients are told apart, and a status is always given") {
  BounceFacts facts = bounce();
  BouncedRecipient late;
  late.mailbox = "late@example.net";
  late.action = DeliveryAction::delayed;
  facts.recipients.push_back(late);
  BouncedRecipient expired;
  expired.mailbox = "old@example.net";
  expired.status = {4, 4, 7};
  facts.recipients.push_back(expired);
  const std::string mail = make_bounce(head(), facts);
  check_form(mail);
  CHECK(
      has(mail,
          "Final-Recipient: rfc822; late@example.net\r\nAction: delayed\r\nStatus: 4.0.0\r\n\r\n"));
  CHECK(
      has(mail, "Final-Recipient: rfc822; old@example.net\r\nAction: failed\r\nStatus: 4.4.7\r\n"));
  facts.recipients = {late};
  CHECK(has(make_bounce(head(), facts), "Subject: Delayed mail"));
}

TEST_CASE("hostile envelope values and upstream words stay within their fields") {
  BounceFacts facts = bounce();
  facts.envid = "a+0D+0ABcc:+20x";
  auto& recipient = facts.recipients[0];
  recipient.orcpt = "rfc822;a+0D+0AAction:+20delivered";
  recipient.reply.text = std::string(5000, 'a') + "\r\nAction: delivered\nx\xFF";
  recipient.remote_mta = "mx\r\nAction: delivered";
  recipient.mailbox = "\"a\r\nAction: delivered\"@x.example";
  const std::string mail = make_bounce(head(), facts);
  check_form(mail);
  CHECK_FALSE(has(mail, "\r\nAction: delivered"));
  CHECK_FALSE(has(mail, "\r\nBcc"));
}

TEST_CASE("malformed xtext is left out rather than guessed at") {
  BounceFacts facts = bounce();
  facts.envid = "a+Z";
  for (const char* orcpt : {"no-type", ";x", "rfc822;", "rfc822;a+", "a b;x", "r\r\n;x"}) {
    facts.recipients[0].orcpt = orcpt;
    const std::string mail = make_bounce(head(), facts);
    CHECK_FALSE(has(mail, "Original-Recipient"));
    CHECK_FALSE(has(mail, "Original-Envelope-Id"));
  }
}

TEST_CASE("an internationalized recipient is told in the 7-bit form of RFC 6533") {
  BounceFacts facts = bounce();
  facts.recipients[0].mailbox = "j\xC3\xBC+x@b\xC3\xBC.example";
  const std::string mail = make_bounce(head(), facts);
  check_form(mail);
  CHECK(has(mail, "Final-Recipient: utf-8; j\\x{FC}\\x{2B}x@b\\x{FC}.example\r\n"));
}

TEST_CASE("the original's header cannot end its part, and is bounded") {
  BounceFacts facts = bounce();
  facts.header = "X: y\r\n--=_cordon_1_--\r\nZ: z\r\n";
  std::string mail = make_bounce(head(), facts);
  check_form(mail);
  CHECK(parsed(mail).body().parts().size() == 3);
  CHECK(has(mail, "boundary=\"=_cordon_2_\""));
  facts.header = "X: \xFF\rbare\r\n";
  mail = make_bounce(head(), facts);
  check_form(mail);
  CHECK(has(mail, "X: =FF=0Dbare\r\n"));
  facts.header.clear();
  for (int i = 0; i < 3000; ++i) facts.header += "X-Line: " + std::to_string(i) + "\r\n";
  mail = make_bounce(head(), facts);
  CHECK(mail.size() < 20000);
  CHECK(has(mail, "X-Line: 900\r\n"));
  facts.header = std::string(100000, 'x');
  check_form(make_bounce(head(), facts));
}

}  // namespace cordon::notice
