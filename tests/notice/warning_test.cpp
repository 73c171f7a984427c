// Warnings: golden text, threading, and what an attacker cannot put into one.
#include "tests/notice/reading.h"

namespace cordon::notice {
namespace {

WarningFacts one_message() {
  return {7, {{earlier, "al@corp.example", "Hello", "<1@corp.example>", "<0@x.example>", true}}};
}

std::string warning(const WarningFacts& facts) {
  return make_warning(Template::built_in(TemplateKind::warning), head(), facts);
}

}  // namespace

TEST_CASE("a warning, whole") {
  CHECK(warning(one_message()) ==
        "From: Mail Delivery System <MAILER-DAEMON@gw.example>\r\n"
        "To: jo@example.net\r\n"
        "Subject: Warning: mail you received may be harmful\r\n"
        "Date: Sun, 22 Nov 2026 03:59:42 +0000\r\n"
        "Message-ID: <n1@gw.example>\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "MIME-Version: 1.0\r\n"
        "In-Reply-To: <1@corp.example>\r\n"
        "References: <0@x.example>\r\n"
        " <1@corp.example>\r\n"
        "X-Cordon-Alert: 7\r\n"
        "Content-Type: text/plain; charset=us-ascii\r\n"
        "Content-Transfer-Encoding: 7bit\r\n"
        "\r\n"
        "This is an automatic warning from the mail gateway gw.example.\r\n"
        "\r\n"
        "A computer that sent you mail has since been found to send mail on its own, as\r\n"
        "worms and intruders do. Its mail is being held back. The following left before\r\n"
        "that was known, and reached jo@example.net:\r\n"
        "\r\n"
        "  Subject:    Hello\r\n"
        "  Sent:       2026-11-22 03:58:42 UTC\r\n"
        "  From:       al@corp.example\r\n"
        "  Message-ID: <1@corp.example>\r\n"
        "  Delivery:   delivered\r\n"
        "\r\n"
        "Please do not open attachments or follow links in these messages. If you\r\n"
        "already have, tell the people who look after your computer, and give them\r\n"
        "this number:\r\n"
        "\r\n"
        "  alert 7\r\n"
        "\r\n"
        "The person named as sender may not have written any of it.\r\n");
}

TEST_CASE("an uncertain delivery is told as one") {
  WarningFacts facts = one_message();
  facts.messages[0].certain = false;
  const std::string mail = warning(facts);
  CHECK(has(mail, "and may have reached jo@example.net"));
  CHECK(has(mail, "Delivery:   not certain: it may have been delivered"));
}

TEST_CASE("a warning is a digest: all messages, threaded to the newest, at most 20 ids") {
  WarningFacts facts{7, {}};
  for (int i = 0; i < 150; ++i) {
    facts.messages.push_back({earlier, "al@corp.example", "m" + std::to_string(i),
                              "<" + std::to_string(i) + "@corp.example>", "", true});
  }
  const std::string mail = warning(facts);
  check_form(mail);
  const auto entity = parsed(mail);
  CHECK(field_of(entity, "In-Reply-To") == "<149@corp.example>");
  const std::string header = header_of(mail);
  CHECK(has(header, "<130@corp.example>"));
  CHECK_FALSE(has(header, "<129@corp.example>"));
  CHECK_FALSE(has(mail, "Subject:    m49\r\n"));
  CHECK(has(mail, "Subject:    m50\r\n"));
  CHECK(has(mail, "Subject:    m149\r\n"));
}

TEST_CASE("an attacker cannot write into a warning") {
  WarningFacts facts = one_message();
  auto& message = facts.messages[0];
  message.subject = "x\r\nBcc: all@corp.example\r\n\r\n{{alert}}\xE2\x80\xAE";
  message.sender = "click http://evil.example <a@b>";
  message.message_id = "<1@x>\r\nBcc: all@corp.example";
  message.references = "<2@x>\r\nX: y <good@x> junk";
  const std::string mail = warning(facts);
  check_form(mail);
  CHECK_FALSE(has(mail, "\r\nBcc"));
  CHECK_FALSE(has(mail, "evil.example"));
  CHECK(has(mail, "Subject:    x Bcc: all@corp.example {{alert}}\r\n"));
  CHECK(has(mail, "From:       (not shown)"));
  CHECK(has(mail, "Message-ID: (none)"));
  CHECK(field_of(parsed(mail), "In-Reply-To") == "<good@x>");
}

TEST_CASE("a subject in another language is read back as it was") {
  WarningFacts facts = one_message();
  facts.messages[0].subject =
      "Gr\xC3\xBC\xC3\x9F"
      "e \xF0\x9F\x8E\xA3";
  const std::string mail = warning(facts);
  check_form(mail);
  const auto entity = parsed(mail);
  CHECK(entity.header().contentType().param("charset") == "utf-8");
  CHECK(has(body_of(entity),
            "  Subject:    Gr\xC3\xBC\xC3\x9F"
            "e \xF0\x9F\x8E\xA3\n"));
}

TEST_CASE("an address that no 7-bit header can hold is not put into one") {
  NoticeHead to = head();
  for (const char* address : {"j\xC3\xBC@x.example", "a@b>, <c@d", "a@b\r\nBcc: c@d", ""}) {
    to.to = address;
    const std::string mail =
        make_warning(Template::built_in(TemplateKind::warning), to, one_message());
    check_form(mail);
    CHECK(field_of(parsed(mail), "To") == "undisclosed-recipients:;");
    CHECK_FALSE(has(mail, "\r\nBcc"));
  }
  to.to = "\"two words\"@x.example";
  CHECK(has(make_warning(Template::built_in(TemplateKind::warning), to, one_message()),
            "To: \"two words\"@x.example\r\n"));
  to.to = "postmaster";
  CHECK(has(make_warning(Template::built_in(TemplateKind::warning), to, one_message()),
            "To: postmaster\r\n"));
}

}  // namespace cordon::notice
