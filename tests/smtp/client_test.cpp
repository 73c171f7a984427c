// Messages by the client dialogue: what is sent, and what becomes of each recipient.
#include <algorithm>

#include <doctest/doctest.h>

#include "client_trial.h"

namespace cordon::smtp::test {
namespace {

TEST_CASE("a message goes out in one pipelined group, its content, and the dot after the gate") {
  Trial trial(friendly);
  CHECK(trial.last == ClientAction::ready);
  CHECK(trial.dialogue.offer().name == "mx.example");
  CHECK(trial.deliver(to({"bob", "carol"}), {"a\r\n.b", "\r\n"}) == ClientAction::delivered);
  const std::string group =
      "MAIL FROM:<alice@client.example> SIZE=7\r\nRCPT TO:<bob@example.org>\r\n"
      "RCPT TO:<carol@example.org>\r\nDATA\r\n";
  CHECK(trial.log ==
        std::vector<std::string>{"EHLO gateway.example\r\n", group, "a\r\n..b", "\r\n", ".\r\n"});
  CHECK(trial.gates == 1);
  CHECK(trial.dialogue.dot_sent());
  CHECK(trial.fates() ==
        std::vector<std::string>{"delivered 250 2.0.0 taken", "delivered 250 2.0.0 taken"});
  CHECK(trial.run() == ClientAction::ready);
  CHECK(trial.quit() == ClientAction::close);
  CHECK(trial.dialogue.last_words().code == 0);
}

TEST_CASE("without PIPELINING each command waits for its reply") {
  Trial trial(no_pipelining);
  trial.deliver(to({"bob"}));
  CHECK(trial.log == std::vector<std::string>{
                         "EHLO gateway.example\r\n", "MAIL FROM:<alice@client.example>\r\n",
                         "RCPT TO:<bob@example.org>\r\n", "DATA\r\n", "hello\r\n", ".\r\n"});
}

TEST_CASE("many recipients go out in groups, so that neither side blocks the other") {
  Trial trial(friendly);
  std::vector<std::string> locals;
  locals.reserve(1000);
  for (int i = 0; i < 1000; ++i) locals.push_back("u" + std::to_string(i));
  trial.deliver(to(locals));
  for (const std::string& written : trial.log) {
    CHECK(std::count(written.begin(), written.end(), '\n') <= 100);
  }
  CHECK(trial.fates() == std::vector<std::string>(1000, "delivered 250 2.0.0 taken"));
}

TEST_CASE("HELO follows where EHLO is refused, and no parameter is used") {
  for (const std::string refusal : {"500 what", "502 5.5.1 no", "504 no", "550 no"}) {
    Trial trial(but({{"EHLO", refusal + "\r\n"}, {"HELO", "250 mx\r\n"}}));
    Envelope envelope = to({"bob"});
    envelope.ret = DsnReturn::full;
    CHECK(trial.deliver(envelope) == ClientAction::delivered);
    CHECK(trial.log.at(1) == "HELO gateway.example\r\n");
    CHECK(trial.log.at(2) == "MAIL FROM:<alice@client.example>\r\n");
    CHECK_FALSE(trial.dialogue.offer().esmtp);
  }
}

TEST_CASE("a server that takes no session is left, with its words") {
  for (const auto& [greeting, rules] :
       {std::pair<std::string, Rules>{"554 5.7.1 go away\r\n", friendly},
        {"220 x\r\n",
         but({{"EHLO", "554 5.7.1 go away\r\n"}, {"HELO", "554 5.7.1 go away\r\n"}})}}) {
    Trial trial({.rules = rules, .greeting = greeting});
    CHECK(trial.last == ClientAction::close);
    CHECK(trial.dialogue.last_words() == Reply{554, {5, 7, 1}, "go away"});
    CHECK(trial.log.back() == "QUIT\r\n");
  }
  CHECK(Trial(but({{"EHLO", "451 later\r\n"}})).last == ClientAction::close);
  CHECK(Trial({.greeting = "SSH-2.0\r\n"}).last == ClientAction::close);
}

TEST_CASE("parameters are passed on as far as they are offered") {
  Envelope envelope = to({"bob"});
  envelope.body = BodyType::eight_bit_mime;
  envelope.ret = DsnReturn::headers;
  envelope.envid = "Q+2B1";
  envelope.recipients[0].notify = notify::success | notify::failure | notify::delay;
  envelope.recipients[0].orcpt = "rfc822;bob@example.org";
  Trial dsn(friendly);
  dsn.deliver(envelope);
  CHECK(dsn.log.at(1) ==
        "MAIL FROM:<alice@client.example> SIZE=7 BODY=8BITMIME RET=HDRS ENVID=Q+2B1\r\n"
        "RCPT TO:<bob@example.org> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;bob@example.org\r\n"
        "DATA\r\n");
  Trial plain(but({{"EHLO", "250-mx\r\n250-8BITMIME\r\n250 PIPELINING\r\n"}}));
  plain.deliver(envelope);
  CHECK(plain.log.at(1) ==
        "MAIL FROM:<alice@client.example> BODY=8BITMIME\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n");
  envelope.recipients[0].notify = notify::never;
  envelope.sender = {};
  Trial never(friendly);
  never.deliver(envelope);
  CHECK(never.log.at(1).find("MAIL FROM:<> ") == 0);
  CHECK(never.log.at(1).find(" NOTIFY=NEVER ") != std::string::npos);
}

TEST_CASE("what the upstream cannot take fails here, for good and without traffic") {
  Envelope utf8 = to({"bob", "carol"});
  utf8.smtputf8 = true;
  Trial trial(friendly);
  const std::size_t before = trial.log.size();
  CHECK(trial.deliver(utf8) == ClientAction::delivered);
  CHECK(trial.dialogue.results().at(1).reply.status == EnhancedStatus{5, 6, 7});
  CHECK(trial.dialogue.mail_refused());
  CHECK(trial.run() == ClientAction::ready);
  CHECK(trial.deliver(to({"bob"}), {std::string(1001, 'x')}) == ClientAction::delivered);
  CHECK(trial.dialogue.results().at(0).reply.status == EnhancedStatus{5, 3, 4});
  CHECK(trial.dialogue.results().at(0).outcome == Outcome::failed);
  CHECK(trial.log.size() == before);
  Envelope eight = to({"bob"});
  eight.body = BodyType::eight_bit_mime;
  Trial seven(no_pipelining);
  CHECK(seven.deliver(eight) == ClientAction::delivered);
  CHECK(seven.dialogue.results().at(0).reply.status == EnhancedStatus{5, 6, 3});
  CHECK(seven.run() == ClientAction::ready);
}

TEST_CASE("each recipient has a fate of its own, in the order asked for") {
  const Rules mixed{{"RCPT TO:<bad", "550 5.1.1 unknown\r\n"},
                    {"RCPT TO:<full", "452 4.2.2 full\r\n"},
                    {"RCPT TO:<many", "552 too many\r\n"},
                    {"RCPT TO:<big", "552 5.2.2 full\r\n"}};
  for (const bool pipelining : {true, false}) {
    Rules rules = mixed;
    const Rules& rest = pipelining ? friendly : no_pipelining;
    rules.insert(rules.end(), rest.begin(), rest.end());
    Trial trial(rules);
    CHECK(trial.deliver(to({"bob", "bad", "full", "unasked", "carol", "many", "big"}), {"x"},
                        {6, 5, 0, 1, 2, 4}) == ClientAction::delivered);
    CHECK(trial.fates() ==
          std::vector<std::string>{"failed 552 5.2.2 full", "deferred 552 too many",
                                   "delivered 250 2.0.0 taken", "failed 550 5.1.1 unknown",
                                   "deferred 452 4.2.2 full", "delivered 250 2.0.0 taken"});
    CHECK(trial.run() == ClientAction::ready);
  }
}

TEST_CASE("a refused MAIL decides all, and RSET comes before the next message") {
  for (const Rules& base : {friendly, no_pipelining}) {
    Rules rules{{"MAIL FROM:<alice", "550 5.7.1 not you\r\n"}};
    rules.insert(rules.end(), base.begin(), base.end());
    Trial trial(rules);
    CHECK(trial.deliver(to({"bob", "carol"})) == ClientAction::delivered);
    CHECK(trial.fates() == std::vector<std::string>(2, "failed 550 5.7.1 not you"));
    CHECK(trial.dialogue.mail_refused());
    CHECK(trial.run() == ClientAction::ready);
    Envelope other = to({"bob"});
    other.sender.mailbox.local = "dave";
    trial.log.clear();
    CHECK(trial.deliver(other) == ClientAction::delivered);
    CHECK(trial.log.front().starts_with("RSET\r\n"));
    CHECK(trial.fates() == std::vector<std::string>{"delivered 250 2.0.0 taken"});
    CHECK(trial.run() == ClientAction::ready);
    trial.log.clear();
    trial.deliver(other);
    CHECK(trial.log.front().starts_with("MAIL"));
  }
}

TEST_CASE("a session that is not enough defers the message, and ends") {
  for (const std::string reply :
       {"530 5.7.0 Must issue a STARTTLS command first", "534 5.7.9 too weak", "535 5.7.8 no",
        "538 5.7.11 not in plain"}) {
    for (const Rules& base : {friendly, no_pipelining}) {
      for (const std::string command : {"MAIL", "RCPT", "DATA"}) {
        CAPTURE(reply);
        CAPTURE(command);
        Trial trial(but({{command, reply + "\r\n"}}, base));
        CHECK(trial.deliver(to({"bob", "carol"})) == ClientAction::delivered);
        CHECK(trial.fates() == std::vector<std::string>(2, "deferred " + reply));
        CHECK(trial.dialogue.session_refused());
        CHECK_FALSE(trial.dialogue.dot_sent());
        CHECK(trial.run() == ClientAction::close);
      }
    }
  }
  Trial trial(friendly);
  trial.deliver(to({"bob"}));
  CHECK_FALSE(trial.dialogue.session_refused());
}

TEST_CASE("who is accepted in a session that is not enough for others gets the message") {
  Trial trial(but({{"RCPT TO:<bob", "530 5.7.1 authenticate first\r\n"},
                   {"RCPT TO:<nobody", "550 5.1.1 unknown\r\n"}}));
  CHECK(trial.deliver(to({"bob", "carol", "nobody"})) == ClientAction::delivered);
  CHECK(trial.fates() == std::vector<std::string>{"deferred 530 5.7.1 authenticate first",
                                                  "delivered 250 2.0.0 taken",
                                                  "failed 550 5.1.1 unknown"});
  CHECK(trial.run() == ClientAction::close);
}

TEST_CASE("354 for nobody is answered with a lone dot, and delivers nothing") {
  Trial trial(but({{"RCPT", "550 5.1.1 unknown\r\n"}}));
  CHECK(trial.deliver(to({"bob", "carol"})) == ClientAction::delivered);
  CHECK(trial.log.back() == ".\r\n");
  CHECK(trial.gates == 0);
  CHECK_FALSE(trial.dialogue.dot_sent());
  CHECK(trial.fates() == std::vector<std::string>(2, "failed 550 5.1.1 unknown"));
  CHECK(trial.run() == ClientAction::ready);
  Trial refused(but({{"RCPT", "550 5.1.1 unknown\r\n"}, {"DATA", "554 no recipients\r\n"}}));
  CHECK(refused.deliver(to({"bob"})) == ClientAction::delivered);
  CHECK(refused.fates() == std::vector<std::string>{"failed 550 5.1.1 unknown"});
  CHECK_FALSE(refused.dialogue.mail_refused());
}

TEST_CASE("a refused DATA or dot decides those who were accepted") {
  Trial data(but({{"DATA", "451 4.3.0 not now\r\n"}}));
  data.deliver(to({"bob"}));
  CHECK(data.fates() == std::vector<std::string>{"deferred 451 4.3.0 not now"});
  Trial dot(but({{".", "554 5.6.0 not that\r\n"}}));
  dot.deliver(to({"bob"}));
  CHECK(dot.fates() == std::vector<std::string>{"failed 554 5.6.0 not that"});
  CHECK(dot.run() == ClientAction::ready);
}

TEST_CASE("421 defers what is undecided and ends the connection, wherever it comes") {
  for (const std::string command : {"MAIL", "RCPT", "DATA", "."}) {
    CAPTURE(command);
    Trial trial(but({{command, "421 4.3.2 closing\r\n"}}));
    CHECK(trial.deliver(to({"bob"})) == ClientAction::delivered);
    CHECK(trial.fates() == std::vector<std::string>{"deferred 421 4.3.2 closing"});
    CHECK(trial.run() == ClientAction::close);
    CHECK(trial.dialogue.last_words().code == 421);
  }
  CHECK(Trial({.greeting = "421 4.3.2 closing\r\n"}).last == ClientAction::close);
  Trial content(friendly);
  content.said_in_body = "421 4.4.2 too slow\r\n";
  CHECK(content.deliver(to({"bob"})) == ClientAction::delivered);
  CHECK(content.fates() == std::vector<std::string>{"deferred 421 4.4.2 too slow"});
  CHECK_FALSE(content.dialogue.dot_sent());
  Trial idle(friendly);
  idle.dialogue.input("421 4.4.2 idle\r\n");
  CHECK(idle.run() == ClientAction::close);
}

TEST_CASE("replies that nobody asked for end the connection after the message") {
  Trial doubled(but({{".", "250 2.0.0 taken\r\n250 again\r\n"}}));
  CHECK(doubled.deliver(to({"bob"})) == ClientAction::delivered);
  CHECK(doubled.fates() == std::vector<std::string>{"delivered 250 2.0.0 taken"});
  CHECK(doubled.run() == ClientAction::close);
  Trial early(friendly);
  early.said_in_body = "250 2.0.0 taken already\r\n";
  CHECK(early.deliver(to({"bob"})) == ClientAction::delivered);
  CHECK(early.fates() == std::vector<std::string>{"delivered 250 2.0.0 taken"});
  CHECK(early.run() == ClientAction::close);
  Trial greeting({.greeting = "220 x\r\n220 y\r\n"});
  CHECK(greeting.last == ClientAction::close);
  CHECK(greeting.dialogue.last_words().code == 451);
  Trial half(friendly);
  half.said_in_body = "250 2.0";
  CHECK(half.deliver(to({"bob"})) == ClientAction::delivered);
  CHECK_FALSE(half.dialogue.dot_sent());
  CHECK(half.dialogue.results().at(0).outcome == Outcome::deferred);
}

TEST_CASE("half a reply of several lines that nobody asked for is no part of the next one") {
  Trial trial(but({{".", "250 2.0.0 taken\r\n250-2.1.0 smuggled\r\n"}}));
  CHECK(trial.deliver(to({"bob"})) == ClientAction::delivered);
  CHECK(trial.fates() == std::vector<std::string>{"delivered 250 2.0.0 taken"});
  CHECK(trial.run() == ClientAction::close);
}

TEST_CASE("a reply that makes no sense defers and ends the connection") {
  for (const std::string command : {"MAIL", "RCPT", "DATA", "."}) {
    for (const std::string reply : {"399 what\r\n", "nonsense\r\n", "250-a\r\n251 b\r\n"}) {
      Trial trial(but({{command, reply}}));
      CHECK(trial.deliver(to({"bob"})) == ClientAction::delivered);
      CHECK(trial.dialogue.results().at(0).outcome == Outcome::deferred);
      CHECK(trial.run() == ClientAction::close);
    }
  }
  Trial data(but({{"DATA", "250 fine\r\n"}}));
  data.deliver(to({"bob"}));
  CHECK(data.dialogue.results().at(0).outcome == Outcome::deferred);
  CHECK(data.gates == 0);
}

TEST_CASE("a refusal counts only if no reply was out of its place") {
  // One reply too many at MAIL: bob's refusal would be taken for carol's.
  Trial trial(but(
      {{"MAIL", "250 2.1.0 Ok\r\n250 2.1.0 Ok\r\n"}, {"RCPT TO:<bob", "550 5.1.1 unknown\r\n"}}));
  CHECK(trial.deliver(to({"bob", "carol"})) == ClientAction::delivered);
  CHECK(trial.fates() ==
        std::vector<std::string>(2, "deferred 451 4.5.0 The next server broke the protocol"));
}

TEST_CASE("stopped at the gate, the dot never leaves") {
  Trial trial(friendly);
  trial.stop_at_gate = true;
  CHECK(trial.deliver(to({"bob"})) == ClientAction::delivered);
  CHECK_FALSE(trial.dialogue.dot_sent());
  CHECK(trial.log.back() == "hello\r\n");
  CHECK(trial.dialogue.results().at(0).outcome == Outcome::deferred);
  CHECK(trial.run() == ClientAction::close);
  CHECK(trial.log.back() == "hello\r\n");
}

TEST_CASE("wherever the connection breaks, the message is deferred unless its fate was known") {
  for (const Rules& rules : {friendly, no_pipelining}) {
    std::size_t steps = 0;
    {
      Trial whole(rules);
      whole.deliver(to({"bob", "carol"}), {"a", "b\r\n"});
      steps = whole.steps();
    }
    for (std::size_t step = 0; step < steps; ++step) {
      CAPTURE(step);
      Trial trial({.rules = rules, .fail_at = step});
      if (trial.last == ClientAction::close) {
        CHECK(trial.dialogue.last_words().code == 451);
        continue;
      }
      CHECK(trial.deliver(to({"bob", "carol"}), {"a", "b\r\n"}) == ClientAction::delivered);
      const bool dot_written = trial.log.back() == ".\r\n";
      CHECK(trial.dialogue.dot_sent() == dot_written);
      CHECK(trial.dialogue.dot_answered() ==
            (trial.dialogue.results().at(0).outcome == Outcome::delivered));
      for (const RecipientResult& result : trial.dialogue.results()) {
        CHECK(result.outcome != Outcome::failed);
        CHECK((result.outcome == Outcome::deferred || dot_written));
        CHECK(result.reply.code == (result.outcome == Outcome::deferred ? 451 : 250));
      }
      CHECK(trial.run() == ClientAction::close);
      CHECK(trial.run() == ClientAction::close);
    }
  }
}

TEST_CASE("a reply that came before the connection broke still counts") {
  ClientDialogue dialogue({.helo_name = "gateway.example", .max_reply_octets = 4096});
  dialogue.connected();
  const auto expect = [&](ClientAction action) { CHECK(dialogue.next().action == action); };
  dialogue.input("220 x\r\n");
  expect(ClientAction::write);
  dialogue.input("250 x\r\n");
  expect(ClientAction::ready);
  dialogue.deliver(to({"bob"}), {}, 1);
  for (const char* reply : {"250 Ok\r\n", "250 Ok\r\n", "354 go\r\n"}) {
    expect(ClientAction::write);
    expect(ClientAction::need_input);
    dialogue.input(reply);
  }
  expect(ClientAction::need_body);
  dialogue.body("x", true);
  expect(ClientAction::write);
  expect(ClientAction::gate);
  dialogue.pass();
  expect(ClientAction::write);
  dialogue.input("250 taken\r\n");
  dialogue.fail({451, {4, 4, 2}, "connection lost"});
  expect(ClientAction::delivered);
  CHECK(dialogue.results().at(0).outcome == Outcome::delivered);
  CHECK(dialogue.dot_answered());
  expect(ClientAction::close);
}

TEST_CASE("a failure that is told as permanent is deferred all the same") {
  Trial trial(friendly);
  trial.dialogue.deliver(to({"bob"}), {}, 1);
  trial.dialogue.fail({550, {5, 0, 0}, "connection lost"});
  CHECK(trial.run() == ClientAction::delivered);
  CHECK(trial.fates() == std::vector<std::string>{"deferred 451 4.4.2 connection lost"});
}

}  // namespace
}  // namespace cordon::smtp::test
