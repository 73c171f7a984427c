// How the client dialogue comes to a session: STARTTLS, AUTH, XCLIENT; and probes.
#include <algorithm>

#include <doctest/doctest.h>

#include "client_trial.h"

namespace cordon::smtp::test {
namespace {

using StartTls = ClientOptions::StartTls;

ClientOptions options(StartTls starttls) {
  return {.helo_name = "gateway.example", .max_reply_octets = 4096, .starttls = starttls};
}

ClientOptions with_password(StartTls starttls = StartTls::required) {
  ClientOptions given = options(starttls);
  given.credentials.emplace();
  given.credentials->user = "tim";
  given.credentials->secret = "tanstaaftanstaaf";
  return given;
}

Rules offering(const std::string& extensions, Rules special = {}) {
  special.push_back({"EHLO", "250-mx.example\r\n" + extensions + "250 8BITMIME\r\n"});
  return but(special);
}

const Rules starttls = offering("250-STARTTLS\r\n", {{"STARTTLS", "220 2.0.0 go\r\n"}});

TEST_CASE("STARTTLS is used where it is offered, and EHLO comes again") {
  for (const StartTls wish : {StartTls::if_offered, StartTls::required}) {
    Trial trial({.rules = starttls, .options = options(wish)});
    CHECK(trial.last == ClientAction::ready);
    CHECK(trial.log == std::vector<std::string>{"EHLO gateway.example\r\n", "STARTTLS\r\n", "[TLS]",
                                                "EHLO gateway.example\r\n"});
    CHECK(trial.dialogue.offer().pipelining);  // of the second EHLO
    CHECK_FALSE(trial.dialogue.offer().starttls);
    CHECK(trial.dialogue.offer().name == "mx.example");
    CHECK(trial.deliver(to({"bob"})) == ClientAction::delivered);
    CHECK(trial.fates() == std::vector<std::string>{"delivered 250 2.0.0 taken"});
  }
  Trial never({.rules = starttls, .options = options(StartTls::never)});
  CHECK(never.last == ClientAction::ready);
  CHECK(never.log == std::vector<std::string>{"EHLO gateway.example\r\n"});
}

TEST_CASE("what was offered in plain counts no more under TLS") {
  Trial trial({.rules = offering("250-STARTTLS\r\n250-SIZE 5\r\n250-DSN\r\n250-SMTPUTF8\r\n"
                                 "250-AUTH PLAIN\r\n250-XCLIENT ADDR\r\n",
                                 {{"STARTTLS", "220 go\r\n"}}),
               .under_tls = but({{"EHLO", "250 mx.example\r\n"}}),
               .options = options(StartTls::required)});
  UpstreamOffer nothing;
  nothing.esmtp = true;
  nothing.name = "mx.example";
  CHECK(trial.dialogue.offer() == nothing);
}

TEST_CASE("without STARTTLS the mail waits if TLS is required, and goes in plain if not") {
  const Rules refusing = offering("250-STARTTLS\r\n", {{"STARTTLS", "454 4.7.0 no key\r\n"}});
  const Rules helo_only = but({{"EHLO", "502 no\r\n"}, {"HELO", "250 mx.example\r\n"}});
  const auto end = [](const Rules& rules, StartTls wish) {
    Trial trial({.rules = rules, .options = options(wish)});
    if (trial.last == ClientAction::ready) return std::string("ready");
    CHECK(trial.log.back() == "QUIT\r\n");
    return trial.dialogue.last_words().one_line();
  };
  CHECK(end(friendly, StartTls::if_offered) == "ready");
  CHECK(end(refusing, StartTls::if_offered) == "ready");
  CHECK(end(helo_only, StartTls::if_offered) == "ready");
  const std::string none = "454 4.7.0 TLS is required, and the next server does not offer STARTTLS";
  CHECK(end(friendly, StartTls::required) == none);
  CHECK(end(helo_only, StartTls::required) == none);
  CHECK(end(refusing, StartTls::required) ==
        "454 4.7.0 TLS is required, and the next server refuses it: 454 4.7.0 no key");
}

TEST_CASE("plaintext behind the 220 of STARTTLS is never taken for an answer under TLS") {
  for (const std::string injected :
       {"250-mx.example\r\n250 AUTH PLAIN\r\n", "250 x\r\n", "250-x\r\n", "2", "\r\n"}) {
    CAPTURE(injected);
    const Rules rules = offering("250-STARTTLS\r\n", {{"STARTTLS", "220 2.0.0 go\r\n" + injected}});
    for (const StartTls wish : {StartTls::if_offered, StartTls::required}) {
      Trial trial({.rules = rules, .options = options(wish)});
      CHECK(trial.last == ClientAction::close);
      CHECK(trial.dialogue.last_words() ==
            Reply{451, {4, 5, 0}, "The next server broke the protocol"});
      CHECK(trial.log.back() == "STARTTLS\r\n");  // no handshake
    }
  }
}

TEST_CASE("plaintext that comes before the handshake is done breaks the protocol too") {
  for (const bool asked_again : {true, false}) {
    ClientDialogue dialogue(options(StartTls::required));
    dialogue.connected();
    for (const char* reply : {"220 x\r\n", "250-x\r\n250 STARTTLS\r\n", "220 go\r\n"}) {
      dialogue.input(reply);
      while (dialogue.next().action == ClientAction::write) {
      }
    }
    CHECK(dialogue.next().action == ClientAction::start_tls);
    dialogue.input("250 injected\r\n");
    if (asked_again) CHECK(dialogue.next().action == ClientAction::close);
    dialogue.tls_started();
    CHECK(dialogue.next().action == ClientAction::close);
    CHECK(dialogue.last_words().code == 451);
  }
}

TEST_CASE("a failed handshake ends the session with its reason") {
  Trial trial({.rules = starttls, .options = options(StartTls::required), .handshake_fails = true});
  CHECK(trial.last == ClientAction::close);
  CHECK(trial.dialogue.last_words() == Reply{454, {4, 7, 5}, "no common cipher"});
}

TEST_CASE("under implicit TLS nothing asks for STARTTLS, and AUTH may follow") {
  Trial trial({.rules = offering("250-AUTH PLAIN\r\n250-STARTTLS\r\n",
                                 {{"AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n", "235 yes\r\n"}}),
               .options = with_password(),
               .implicit_tls = true});
  CHECK(trial.last == ClientAction::ready);
  CHECK(trial.log.size() == 2);
}

// ---- AUTH

// A session under TLS whose server offers `mechanisms` and answers by `rules`.
Trial authenticating(const std::string& mechanisms, Rules rules, ClientOptions given) {
  return Trial({.rules = starttls,
                .under_tls = offering("250-AUTH " + mechanisms + "\r\n", std::move(rules)),
                .options = std::move(given)});
}

TEST_CASE("AUTH follows EHLO under TLS") {
  // RFC 4616 4: the password of the example.
  const std::string line = "AUTH PLAIN AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n";
  Trial plain =
      authenticating("LOGIN PLAIN CRAM-MD5", {{line, "235 2.7.0 yes\r\n"}}, with_password());
  CHECK(plain.last == ClientAction::ready);
  CHECK(plain.log.back() == line);
  Trial login = authenticating("CRAM-MD5 LOGIN",
                               {{"AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n"},
                                {"dGlt\r\n", "334 UGFzc3dvcmQ6\r\n"},
                                {"dGFuc3RhYWZ0YW5zdGFhZg==\r\n", "235 2.7.0 yes\r\n"}},
                               with_password());
  CHECK(login.last == ClientAction::ready);
  CHECK(login.deliver(to({"bob"})) == ClientAction::delivered);
  CHECK(login.fates() == std::vector<std::string>{"delivered 250 2.0.0 taken"});
}

TEST_CASE("whom we have authenticated to is told that no submitter is vouched for") {
  const auto mail_line = [](const std::string& extensions, const ClientOptions& given) {
    Trial trial({.rules = offering(extensions, {{"AUTH", "235 2.7.0 yes\r\n"}}),
                 .options = given,
                 .implicit_tls = true});
    CHECK(trial.deliver(to({"bob"})) == ClientAction::delivered);
    const auto& log = trial.log;
    const auto mail = std::find_if(log.begin(), log.end(),
                                   [](const auto& line) { return line.starts_with("MAIL"); });
    REQUIRE(mail != log.end());
    return mail->substr(0, mail->find("\r\n"));
  };
  CHECK(mail_line("250-AUTH PLAIN\r\n", with_password()) ==
        "MAIL FROM:<alice@client.example> AUTH=<>");
  CHECK(mail_line("250-AUTH PLAIN\r\n", options(StartTls::never)) ==
        "MAIL FROM:<alice@client.example>");
}

TEST_CASE("only the mechanism that was told is used, if one was") {
  ClientOptions given = with_password();
  given.mechanisms = set_of(Mechanism::login);
  given.credentials->mechanism = Mechanism::login;
  Trial trial = authenticating("PLAIN", {{"AUTH", "235 yes\r\n"}}, given);
  CHECK(trial.last == ClientAction::close);
  CHECK(trial.dialogue.last_words().one_line() ==
        "454 4.7.4 The next server does not offer the AUTH of our credentials");
}

TEST_CASE("refused credentials are the gateway's trouble, and never look final") {
  const auto end = [](const std::string& reply) {
    Trial trial = authenticating("PLAIN", {{"AUTH", reply}, {"*", "334 \r\n"}}, with_password());
    CHECK(trial.last == ClientAction::close);
    return trial.dialogue.last_words().one_line();
  };
  CHECK(end("535 5.7.8 bad password\r\n") ==
        "454 4.7.8 The next server does not take our credentials: 535 5.7.8 bad password");
  CHECK(end("504 what\r\n") == "454 4.7.0 The next server does not take our credentials: 504 what");
  CHECK(end("454 4.7.0 later\r\n") == "454 4.7.0 later");
  CHECK(end("421 4.3.2 closing\r\n") == "421 4.3.2 closing");
  CHECK(end("334 \r\n") == "451 4.5.0 The next server broke the protocol");  // also to "*"
  CHECK(end("399 what\r\n") == "451 4.5.0 The next server broke the protocol");
}

TEST_CASE("why a login did not succeed is told apart from why there is no session") {
  const auto failure = [](const std::string& mechanisms, const std::string& reply) {
    Trial trial = authenticating(mechanisms, {{"AUTH", reply}, {"*", "334 \r\n"}}, with_password());
    return trial.dialogue.auth_failure();
  };
  CHECK(failure("PLAIN", "535 5.7.8 bad password\r\n").one_line() == "535 5.7.8 bad password");
  CHECK(failure("PLAIN", "535 5.7.8 bad password\r\n").heard);
  CHECK(failure("PLAIN", "535 not tanstaaftanstaaf\r\n").one_line() == "535 Authentication failed");
  CHECK(failure("PLAIN", "454 4.7.0 later\r\n").one_line() == "454 4.7.0 later");
  CHECK(failure("XOAUTH2", "235 yes\r\n").code == 454);
  CHECK_FALSE(failure("XOAUTH2", "235 yes\r\n").heard);
  CHECK(failure("PLAIN", "235 yes\r\n").code == 0);
  CHECK(failure("PLAIN", "421 4.3.2 closing\r\n").one_line() == "421 4.3.2 closing");
  CHECK(failure("PLAIN", "399 what\r\n").code == 451);
}

TEST_CASE("a server that repeats our secret does not get it into our logs") {
  for (const std::string echo :
       {"535 5.7.8 not AHRpbQB0YW5zdGFhZnRhbnN0YWFm\r\n", "535 5.7.8 not tanstaaftanstaaf\r\n",
        "454 4.7.0 dGFuc3RhYWZ0YW5zdGFhZg== later\r\n"}) {
    Trial trial = authenticating("PLAIN", {{"AUTH", echo}}, with_password());
    const std::string words = trial.dialogue.last_words().one_line();
    CHECK(words.starts_with("454 4.7."));
    CHECK(words.ends_with("does not take our credentials: " + echo.substr(0, 3)));
  }
}

TEST_CASE("without TLS a password is sent only where that was asked for") {
  const Rules rules = offering("250-AUTH PLAIN\r\n", {{"AUTH PLAIN ", "235 yes\r\n"}});
  Trial trial({.rules = rules, .options = with_password(StartTls::never)});
  CHECK(trial.last == ClientAction::close);
  CHECK(trial.dialogue.last_words().one_line() ==
        "454 4.7.0 Our credentials need TLS, which the connection has not");
  CHECK(trial.log == std::vector<std::string>{"EHLO gateway.example\r\n", "QUIT\r\n"});
  ClientOptions careless = with_password(StartTls::never);
  careless.auth_in_plain = true;
  Trial plain({.rules = rules, .options = careless});
  CHECK(plain.last == ClientAction::ready);
}

TEST_CASE("a write with a secret is marked, and what is written next is not") {
  ClientDialogue dialogue(with_password());
  dialogue.tls_started();
  dialogue.connected();
  dialogue.input("220 x\r\n");
  CHECK_FALSE(dialogue.next().secret);
  dialogue.input("250-x\r\n250 AUTH PLAIN\r\n");
  ClientDialogue::Step step = dialogue.next();
  CHECK(step.secret);
  CHECK(step.bytes.starts_with("AUTH PLAIN "));
  dialogue.input("235 yes\r\n");
  CHECK(dialogue.next().action == ClientAction::ready);
  dialogue.quit();
  step = dialogue.next();
  CHECK(step.bytes == "QUIT\r\n");
  CHECK_FALSE(step.secret);
}

// ---- XCLIENT

const ClientFacts anna{.address = "192.0.2.7", .helo = "anna.example"};
const ClientFacts bert{.address = "2001:db8::8", .helo = "bert.example"};

const Rules xclient =
    but({{"EHLO", "250-mx.example\r\n250-PIPELINING\r\n250 XCLIENT ADDR HELO\r\n"},
         {"XCLIENT", "220 mx.example ESMTP\r\n"}});
const std::string group =
    "MAIL FROM:<alice@client.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n";

TEST_CASE("XCLIENT tells of each new client before its message, and EHLO comes again") {
  Trial trial(xclient);
  CHECK(trial.dialogue.offer().xclient);
  const auto deliver = [&](const ClientFacts* client) {
    trial.log.clear();
    CHECK(trial.deliver(to({"bob"}), {"hello\r\n"}, {}, client) == ClientAction::delivered);
    CHECK(trial.fates() == std::vector<std::string>{"delivered 250 2.0.0 taken"});
    CHECK(trial.run() == ClientAction::ready);
    trial.log.resize(trial.log.size() - 2);  // content, dot
    return trial.log;
  };
  CHECK(deliver(&anna) == std::vector<std::string>{"XCLIENT ADDR=192.0.2.7 HELO=anna.example\r\n",
                                                   "EHLO anna.example\r\n", group});
  CHECK(deliver(&anna) == std::vector<std::string>{group});
  CHECK(deliver(&bert) ==
        std::vector<std::string>{"XCLIENT ADDR=IPV6:2001:db8::8 HELO=bert.example\r\n",
                                 "EHLO bert.example\r\n", group});
  CHECK(deliver(nullptr) == std::vector<std::string>{group});
}

TEST_CASE("a HELO name that is no name is never said") {
  for (const std::string helo : {"", "a b", "x\r\nMAIL FROM:<eve@example>", "gr\xC3\xBCn"}) {
    const ClientFacts strange{.address = "192.0.2.7", .helo = helo};
    Trial trial(xclient);
    CHECK(trial.deliver(to({"bob"}), {"x"}, {}, &strange) == ClientAction::delivered);
    CHECK(trial.log.at(2) == "EHLO gateway.example\r\n");
    CHECK(std::count(trial.log.at(1).begin(), trial.log.at(1).end(), '\n') == 1);
  }
}

TEST_CASE("XCLIENT is not sent where it is not offered") {
  Trial trial(friendly);
  CHECK(trial.deliver(to({"bob"}), {"hello\r\n"}, {}, &anna) == ClientAction::delivered);
  CHECK(trial.log.at(1).starts_with("MAIL"));
}

TEST_CASE("RSET ends an open transaction before XCLIENT") {
  Trial trial(but({{"MAIL FROM:<alice", "550 5.7.1 not you\r\n"}}, xclient));
  CHECK(trial.deliver(to({"bob"}), {"x"}, {}, &anna) == ClientAction::delivered);
  CHECK(trial.run() == ClientAction::ready);
  trial.log.clear();
  CHECK(trial.deliver(to({"bob"}), {"x"}, {}, &bert) == ClientAction::delivered);
  CHECK(trial.log.at(0) == "RSET\r\n");
  CHECK(trial.log.at(1).starts_with("XCLIENT "));
}

TEST_CASE("what the server offers to that client counts") {
  Trial trial(
      but({{"EHLO", "250-mx\r\n250-8BITMIME\r\n250 XCLIENT ADDR\r\n"}, {"XCLIENT", "220 mx\r\n"}}));
  Envelope eight = to({"bob"});
  eight.body = BodyType::eight_bit_mime;
  CHECK(trial.deliver(eight, {"x"}, {}, &anna) == ClientAction::delivered);
  CHECK(trial.fates() == std::vector<std::string>{"delivered 250 2.0.0 taken"});
}

TEST_CASE("a refused XCLIENT defers the message and ends the session") {
  for (const std::string reply : {"550 5.7.0 not you", "451 4.7.1 later"}) {
    Trial trial(but({{"XCLIENT", reply + "\r\n"}}, xclient));
    CHECK(trial.deliver(to({"bob"}), {"x"}, {}, &anna) == ClientAction::delivered);
    CHECK(trial.fates() == std::vector<std::string>{"deferred " + reply});
    CHECK(trial.log.back() == "QUIT\r\n");
    CHECK(trial.run() == ClientAction::close);
  }
}

TEST_CASE("after XCLIENT the gateway says its password again") {
  ClientOptions given = with_password();
  Rules rules = but({{"EHLO", "250-mx\r\n250-AUTH PLAIN\r\n250 XCLIENT ADDR\r\n"},
                     {"XCLIENT", "220 mx\r\n"},
                     {"AUTH", "235 yes\r\n"}});
  Trial trial({.rules = rules, .options = given, .implicit_tls = true});
  trial.log.clear();
  CHECK(trial.deliver(to({"bob"}), {"x"}, {}, &anna) == ClientAction::delivered);
  CHECK(trial.log.at(1) == "EHLO anna.example\r\n");
  CHECK(trial.log.at(2).starts_with("AUTH PLAIN "));
  CHECK(trial.log.at(3).starts_with("MAIL "));
}

// ---- probes

TEST_CASE("a probe asks for each recipient and takes all back, without DATA") {
  Trial trial(but({{"RCPT TO:<bad", "550 5.1.1 unknown\r\n"}, {"RCPT TO:<full", "452 full\r\n"}}));
  Envelope envelope = to({"bob", "bad", "full"});
  envelope.declared_size = 100;
  CHECK(trial.probe(envelope) == ClientAction::delivered);
  CHECK(trial.fates() == std::vector<std::string>{"delivered 250 2.1.5 Ok",
                                                  "failed 550 5.1.1 unknown", "deferred 452 full"});
  CHECK(trial.log.at(1) ==
        "MAIL FROM:<alice@client.example> SIZE=100\r\nRCPT TO:<bob@example.org>\r\n"
        "RCPT TO:<bad@example.org>\r\nRCPT TO:<full@example.org>\r\nRSET\r\n");
  CHECK_FALSE(trial.dialogue.dot_sent());
  CHECK(trial.run() == ClientAction::ready);
  trial.log.clear();
  CHECK(trial.deliver(to({"bob"})) == ClientAction::delivered);
  CHECK(trial.log.at(0).starts_with("MAIL"));  // it was taken back already
}

TEST_CASE("a probe ends the same way without PIPELINING, and where MAIL is refused") {
  Trial trial(no_pipelining);
  CHECK(trial.probe(to({"bob", "carol"}), {1}) == ClientAction::delivered);
  CHECK(trial.fates() == std::vector<std::string>{"delivered 250 2.1.5 Ok"});
  CHECK(trial.log.at(2) == "RCPT TO:<carol@example.org>\r\n");
  CHECK(trial.log.back() == "RSET\r\n");
  CHECK(trial.run() == ClientAction::ready);
  for (const Rules& base : {friendly, no_pipelining}) {
    Trial refused(but({{"MAIL", "550 5.7.1 not you\r\n"}}, base));
    CHECK(refused.probe(to({"bob"})) == ClientAction::delivered);
    CHECK(refused.fates() == std::vector<std::string>{"failed 550 5.7.1 not you"});
    CHECK(refused.run() == ClientAction::ready);
  }
}

TEST_CASE("a server that does not take a probe back is left, but its answers count") {
  Trial trial(but({{"RSET", "500 what\r\n"}}));
  CHECK(trial.probe(to({"bob"})) == ClientAction::delivered);
  CHECK(trial.fates() == std::vector<std::string>{"delivered 250 2.1.5 Ok"});
  CHECK(trial.run() == ClientAction::close);
}

TEST_CASE("whether an old connection had died is told") {
  const auto unheard = [](const std::string& reply) {
    Trial trial(friendly);
    trial.deliver(to({"bob"}));
    trial.run();
    trial.dialogue.deliver(to({"carol"}), {}, 1);
    trial.dialogue.next();
    trial.dialogue.input(reply);
    trial.dialogue.fail({451, {4, 4, 2}, "connection lost"});
    CHECK(trial.run() == ClientAction::delivered);
    return trial.dialogue.unheard();
  };
  CHECK(unheard(""));
  CHECK(unheard("421 4.4.2 idle\r\n"));
  CHECK_FALSE(unheard("250 2.1.0 Ok\r\n"));
  CHECK_FALSE(unheard("550 5.7.1 not you\r\n"));
}

}  // namespace
}  // namespace cordon::smtp::test
