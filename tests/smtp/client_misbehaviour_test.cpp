// An upstream that misbehaves in each way at each step: what becomes of the message and of the
// connection. The session has all that can go wrong in it: STARTTLS, AUTH, XCLIENT, two recipients.
//
// A cell says what became of bob and of carol, whether the final dot left ("dot" answered, "dot?"
// not answered), what comes next (ready, or close with the dialogue's last words). "no session":
// there was never a message; the carrier defers it with these words.
#include <array>

#include <doctest/doctest.h>

#include "client_trial.h"

namespace cordon::smtp::test {
namespace {

struct Misbehaviour {
  const char* name;
  const char* reply;  // instead of the usual one; "+" in front: behind it
  const char* words;  // of the carrier, should the upstream be silent then
};

const std::string over_long = [] {
  std::string lines;
  for (int i = 0; i < 300; ++i) lines += "250-and so on\r\n";
  return lines;
}();

const std::array<Misbehaviour, 8> ways{{
    {"4xx", "450 4.3.2 busy\r\n", ""},
    {"5xx", "550 5.3.2 never\r\n", ""},
    {"421", "421 4.3.2 closing\r\n", ""},
    {"silence", "", "time-out"},
    {"half a line", "250 2.0", "time-out"},
    {"lost", "", "connection lost"},
    {"extra reply", "+250 2.0.0 extra\r\n", ""},
    {"over-long", over_long.c_str(), ""},
}};

struct Row {
  const char* step;
  std::array<const char*, ways.size()> ends;
};

const Rules in_plain{{"EHLO", "250-mx.example\r\n250 STARTTLS\r\n"},
                     {"HELO", "250 mx.example\r\n"},
                     {"STARTTLS", "220 2.0.0 go\r\n"}};
const Rules under_tls =
    but({{"EHLO", "250-mx.example\r\n250-PIPELINING\r\n250-AUTH PLAIN\r\n250 XCLIENT ADDR\r\n"},
         {"HELO", "250 mx.example\r\n"},
         {"AUTH", "235 2.7.0 yes\r\n"},
         {"XCLIENT", "220 mx.example ESMTP\r\n"}});
const ClientFacts client{.address = "192.0.2.7"};

// Replaces the reply of the rule for `step`.
void misbehave(Rules& rules, const std::string& step, const Misbehaviour& way) {
  for (auto& [prefix, reply] : rules) {
    if (prefix != step) continue;
    if (way.reply[0] == '+') {
      reply += way.reply + 1;
    } else {
      reply = way.reply;
    }
    return;
  }
}

TrialSetup setup_for(const std::string& step, const Misbehaviour& way) {
  TrialSetup setup{.rules = in_plain, .under_tls = under_tls};
  setup.options.starttls = ClientOptions::StartTls::required;
  setup.options.credentials.emplace();
  setup.options.credentials->user = "gw";
  setup.options.credentials->secret = "secret";
  setup.silence.text = way.words;
  // Only the first of the recipients is treated badly; the first sender is always refused for RSET.
  setup.under_tls =
      but({{"RCPT TO:<bob", "250 2.1.5 Ok\r\n"}, {"MAIL FROM:<refused", "550 5.7.1 not you\r\n"}},
          under_tls);
  if (step == "greeting") {
    Rules greeting{{step, setup.greeting}};
    misbehave(greeting, step, way);
    setup.greeting = greeting.front().second;
  } else if (step == "plain EHLO") {
    misbehave(setup.rules, "EHLO", way);
  } else if (step == "STARTTLS") {
    misbehave(setup.rules, step, way);
  } else {
    misbehave(setup.under_tls, step, way);
  }
  return setup;
}

// Code and enhanced status; the words are for people.
std::string short_form(const Reply& reply) {
  return Reply{reply.code, reply.status, ""}.one_line();
}

std::string words_of(const Trial& trial) {
  const Reply& last = trial.dialogue.last_words();
  return last.code == 0 ? "" : ' ' + short_form(last);
}

std::string fate_of(const RecipientResult& result) {
  const char* outcome = result.outcome == Outcome::delivered ? "delivered "
                        : result.outcome == Outcome::failed  ? "failed "
                                                             : "deferred ";
  return outcome + short_form(result.reply) + "; ";
}

std::string end_of(const std::string& step, const Misbehaviour& way) {
  Trial trial(setup_for(step, way));
  if (trial.last == ClientAction::close) return "no session" + words_of(trial);
  if (step == "RSET") {
    Envelope refused = to({"bob"});
    refused.sender.mailbox.local = "refused";
    trial.deliver(refused, {"x\r\n"}, {}, &client);
    if (trial.run() != ClientAction::ready) return "no second message";
  }
  if (step == "content") {
    trial.said_in_body = way.reply[0] == '+' ? way.reply + 1 : way.reply;
    trial.hangs_in_body = way.words[0] != '\0';
  }
  REQUIRE(trial.deliver(to({"bob", "carol"}), {"hello\r\n"}, {}, &client) ==
          ClientAction::delivered);
  std::string end;
  for (const RecipientResult& result : trial.dialogue.results()) end += fate_of(result);
  if (trial.dialogue.dot_sent()) end += trial.dialogue.dot_answered() ? "dot; " : "dot?; ";
  if (trial.run() == ClientAction::ready) {
    if (step != "QUIT") return end + "ready";
    trial.quit();
  }
  return end + "close" + words_of(trial);
}

// In the order of `ways`.
const Row table[] = {
    {"greeting",
     {"no session 450 4.3.2", "no session 550 5.3.2", "no session 421 4.3.2",
      "no session 451 4.4.2", "no session 451 4.4.2", "no session 451 4.4.2",
      "no session 451 4.5.0", "no session 451 4.5.0"}},
    {"plain EHLO",
     {"no session 450 4.3.2", "no session 454 4.7.0", "no session 421 4.3.2",
      "no session 451 4.4.2", "no session 451 4.4.2", "no session 451 4.4.2",
      "no session 451 4.5.0", "no session 451 4.5.0"}},
    {"STARTTLS",
     {"no session 454 4.7.0", "no session 454 4.7.0", "no session 421 4.3.2",
      "no session 451 4.4.2", "no session 451 4.4.2", "no session 451 4.4.2",
      "no session 451 4.5.0", "no session 451 4.5.0"}},
    {"EHLO",
     {"no session 450 4.3.2", "no session 454 4.7.4", "no session 421 4.3.2",
      "no session 451 4.4.2", "no session 451 4.4.2", "no session 451 4.4.2",
      "no session 451 4.5.0", "no session 451 4.5.0"}},
    {"AUTH",
     {"no session 450 4.3.2", "no session 454 4.3.2", "no session 421 4.3.2",
      "no session 451 4.4.2", "no session 451 4.4.2", "no session 451 4.4.2",
      "no session 451 4.5.0", "no session 451 4.5.0"}},
    {"XCLIENT",
     {"deferred 450 4.3.2; deferred 450 4.3.2; close 450 4.3.2",
      "deferred 550 5.3.2; deferred 550 5.3.2; close 550 5.3.2",
      "deferred 421 4.3.2; deferred 421 4.3.2; close 421 4.3.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; close 451 4.4.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; close 451 4.4.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; close 451 4.4.2",
      "deferred 451 4.5.0; deferred 451 4.5.0; close 451 4.5.0",
      "deferred 451 4.5.0; deferred 451 4.5.0; close 451 4.5.0"}},
    {"MAIL",
     {"deferred 450 4.3.2; deferred 450 4.3.2; ready", "failed 550 5.3.2; failed 550 5.3.2; ready",
      "deferred 421 4.3.2; deferred 421 4.3.2; close 421 4.3.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; close 451 4.4.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; close 451 4.4.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; close 451 4.4.2",
      "deferred 451 4.5.0; deferred 451 4.5.0; close 451 4.5.0",
      "deferred 451 4.5.0; deferred 451 4.5.0; close 451 4.5.0"}},
    {"RCPT TO:<bob",
     {"deferred 450 4.3.2; delivered 250 2.0.0; dot; ready",
      "failed 550 5.3.2; delivered 250 2.0.0; dot; ready",
      "deferred 421 4.3.2; deferred 421 4.3.2; close 421 4.3.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; close 451 4.4.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; close 451 4.4.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; close 451 4.4.2",
      "deferred 451 4.5.0; deferred 451 4.5.0; close 451 4.5.0",
      "deferred 451 4.5.0; deferred 451 4.5.0; close 451 4.5.0"}},
    {"DATA",
     {"deferred 450 4.3.2; deferred 450 4.3.2; ready", "failed 550 5.3.2; failed 550 5.3.2; ready",
      "deferred 421 4.3.2; deferred 421 4.3.2; close 421 4.3.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; close 451 4.4.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; close 451 4.4.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; close 451 4.4.2",
      "delivered 250 2.0.0; delivered 250 2.0.0; dot; close 250 2.0.0",
      "deferred 451 4.5.0; deferred 451 4.5.0; close 451 4.5.0"}},
    {"content",
     {"delivered 250 2.0.0; delivered 250 2.0.0; dot; close 450 4.3.2",
      "delivered 250 2.0.0; delivered 250 2.0.0; dot; close 550 5.3.2",
      "deferred 421 4.3.2; deferred 421 4.3.2; close 421 4.3.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; close 451 4.4.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; close 451 4.4.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; close 451 4.4.2",
      "delivered 250 2.0.0; delivered 250 2.0.0; dot; close 250 2.0.0",
      "deferred 451 4.5.0; deferred 451 4.5.0; close 451 4.5.0"}},
    {".",
     {"deferred 450 4.3.2; deferred 450 4.3.2; dot; ready",
      "failed 550 5.3.2; failed 550 5.3.2; dot; ready",
      "deferred 421 4.3.2; deferred 421 4.3.2; dot; close 421 4.3.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; dot?; close 451 4.4.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; dot?; close 451 4.4.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; dot?; close 451 4.4.2",
      "delivered 250 2.0.0; delivered 250 2.0.0; dot; close 250 2.0.0",
      "deferred 451 4.5.0; deferred 451 4.5.0; dot?; close 451 4.5.0"}},
    {"RSET",
     {"deferred 451 4.5.0; deferred 451 4.5.0; close 451 4.5.0",
      "deferred 451 4.5.0; deferred 451 4.5.0; close 451 4.5.0",
      "deferred 421 4.3.2; deferred 421 4.3.2; close 421 4.3.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; close 451 4.4.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; close 451 4.4.2",
      "deferred 451 4.4.2; deferred 451 4.4.2; close 451 4.4.2",
      "deferred 451 4.5.0; deferred 451 4.5.0; close 451 4.5.0",
      "deferred 451 4.5.0; deferred 451 4.5.0; close 451 4.5.0"}},
    {"QUIT",
     {"delivered 250 2.0.0; delivered 250 2.0.0; dot; close",
      "delivered 250 2.0.0; delivered 250 2.0.0; dot; close",
      "delivered 250 2.0.0; delivered 250 2.0.0; dot; close",
      "delivered 250 2.0.0; delivered 250 2.0.0; dot; close 451 4.4.2",
      "delivered 250 2.0.0; delivered 250 2.0.0; dot; close 451 4.4.2",
      "delivered 250 2.0.0; delivered 250 2.0.0; dot; close 451 4.4.2",
      "delivered 250 2.0.0; delivered 250 2.0.0; dot; close",
      "delivered 250 2.0.0; delivered 250 2.0.0; dot; close 451 4.5.0"}},
};

TEST_CASE("an upstream that misbehaves, in each way at each step") {
  for (const Row& row : table) {
    for (std::size_t i = 0; i < ways.size(); ++i) {
      CAPTURE(row.step);
      CAPTURE(ways[i].name);
      CHECK(end_of(row.step, ways[i]) == row.ends[i]);
    }
  }
}

}  // namespace
}  // namespace cordon::smtp::test
