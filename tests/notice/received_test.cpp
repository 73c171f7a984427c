// The Received field: golden texts, and that a client cannot write into it.
#include "smtp/notice/received.h"

#include <string>

#include <doctest/doctest.h>

namespace cordon::notice {
namespace {

TraceFacts usual() {
  TraceFacts facts;
  facts.helo = "client.example";
  facts.peer = "192.0.2.7";
  facts.hostname = "gw.example";
  facts.id = "42";
  facts.at = WallTime{std::chrono::milliseconds{1795319982000}};
  facts.sole_recipient = "jo@example.net";
  return facts;
}

}  // namespace

TEST_CASE("the usual trace") {
  CHECK(received_field(usual()) ==
        "Received: from client.example ([192.0.2.7])\r\n"
        "\tby gw.example with ESMTP id 42\r\n"
        "\tfor <jo@example.net>;\r\n"
        "\tSun, 22 Nov 2026 03:59:42 +0000\r\n");
}

TEST_CASE("IPv6, SMTPUTF8 and several recipients") {
  TraceFacts facts = usual();
  facts.peer = "2001:db8::7";
  facts.helo = "[IPv6:2001:db8::7]";
  facts.protocol = Protocol::utf8smtp;
  facts.sole_recipient = {};
  CHECK(received_field(facts) ==
        "Received: from [IPv6:2001:db8::7] ([IPv6:2001:db8::7])\r\n"
        "\tby gw.example with UTF8SMTP id 42;\r\n"
        "\tSun, 22 Nov 2026 03:59:42 +0000\r\n");
}

TEST_CASE("TLS and AUTH are told, with the cipher in a clause of its own") {
  TraceFacts facts = usual();
  facts.tls_version = "TLSv1.3";
  facts.tls_cipher = "TLS_AES_256_GCM_SHA384";
  facts.authenticated = true;
  CHECK(received_field(facts) ==
        "Received: from client.example ([192.0.2.7])\r\n"
        "\tby gw.example with ESMTPSA id 42\r\n"
        "\tfor <jo@example.net>\r\n"
        "\ttls TLS_AES_256_GCM_SHA384 (TLSv1.3);\r\n"
        "\tSun, 22 Nov 2026 03:59:42 +0000\r\n");
  facts.authenticated = false;
  CHECK(received_field(facts).find(" with ESMTPS id ") != std::string::npos);
  facts.protocol = Protocol::utf8smtp;
  CHECK(received_field(facts).find(" with UTF8SMTPS id ") != std::string::npos);
  facts.tls_version = {};
  facts.authenticated = true;
  CHECK(received_field(facts).find(" with UTF8SMTPA id ") != std::string::npos);
  CHECK(received_field(facts).find("tls") == std::string::npos);
}

TEST_CASE("a bait is not told in the trace") {
  TraceFacts facts = usual();
  facts.recipient_is_bait = true;
  CHECK(received_field(facts).find("jo@") == std::string::npos);
}

TEST_CASE("a hostile HELO writes no trace of its own") {
  TraceFacts facts = usual();
  facts.helo = "x\r\nSubject: y\r\n\r\n(by z) ;\"\\ \xC3\xA4";
  const std::string field = received_field(facts);
  CHECK(
      field.starts_with("Received: from x??Subject:?y?????by?z???????? ([192.0.2.7])\r\n\tby gw"));
  const std::string endless(100000, 'a');
  facts.helo = endless;
  CHECK(received_field(facts).size() < 500);
  facts.helo = "";
  CHECK(received_field(facts).starts_with("Received: from unknown ([192.0.2.7])"));
}

TEST_CASE("a recipient that could break the field is left out") {
  for (const char* recipient : {"a b@c", "\"a\r\nX: y\"@c", "j\xC3\xBC@c", "a>@c", "postmaster"}) {
    TraceFacts facts = usual();
    facts.sole_recipient = recipient;
    CHECK(received_field(facts).find("for <") == std::string::npos);
  }
}

}  // namespace cordon::notice
