// STARTTLS, AUTH and XCLIENT: what the dialogues cannot show.
#include <doctest/doctest.h>

#include "model_carrier.h"
#include "smtp/base64.h"

namespace cordon::smtp::test {
namespace {

using namespace std::string_literals;

ServerOptions options() {
  ServerOptions given;
  given.hostname = "mx.example";
  given.starttls = true;
  given.mechanisms = password_mechanisms | token_mechanisms;
  return given;
}

std::string plain(std::string_view user, std::string_view password) {
  return encode_base64("\0"s.append(user).append("\0"s).append(password));
}

// Everything that the recorder saw, as one text.
struct Record {
  explicit Record(ServerAutomaton& automaton) {
    automaton.set_recorder([this](Speaker speaker, std::string_view line) {
      text.append(speaker == Speaker::client ? "c " : "s ").append(line).append("\n");
    });
  }
  bool holds(std::string_view part) const { return text.find(part) != std::string::npos; }
  std::string text;
};

TEST_CASE("input behind STARTTLS ends the session, whatever it is") {
  for (const char* const behind : {"NOOP\r\n", "\r\n", "x", "\x16\x03\x01", "STARTTLS\r\n"}) {
    CAPTURE(behind);
    ModelCarrier carrier(options());
    carrier.run();
    carrier.feed("EHLO client.example\r\n");
    const std::size_t before = carrier.written().size();
    carrier.feed("STARTTLS\r\n"s + behind);
    CHECK(carrier.written().substr(before) == "421 4.7.0 mx.example Input behind STARTTLS\r\n");
    CHECK(carrier.lines_of('A') == std::vector<std::string>{"A: close"});
    CHECK(carrier.automaton().end_reason() == "input behind STARTTLS");
    CHECK_FALSE(carrier.automaton().tls());
  }
}

TEST_CASE("input behind STARTTLS that was retained is input all the same") {
  ServerAutomaton automaton(std::make_shared<ServerOptions>(options()));
  std::string octets = "EHLO c\r\nMAIL FROM:<a@b>\r\nRSET\r\nSTARTTLS\r\nEHLO d\r\n";
  automaton.input(octets);
  CHECK(automaton.next().kind == ActionKind::check_sender);
  automaton.retain();
  octets.assign(octets.size(), '#');
  automaton.accept();
  std::string written;
  Action action = automaton.next();
  for (; action.kind != ActionKind::close; action = automaton.next()) {
    REQUIRE(action.kind != ActionKind::start_tls);
    if (action.kind == ActionKind::write) written += action.bytes;
  }
  CHECK(written.ends_with("250 2.0.0 Ok\r\n421 4.7.0 mx.example Input behind STARTTLS\r\n"));
}

TEST_CASE("the handshake comes after the 220 is written, and is asked for until it is answered") {
  ServerAutomaton automaton(std::make_shared<ServerOptions>(options()));
  automaton.input("EHLO client.example\r\nSTARTTLS\r\n");
  const Action replies = automaton.next();
  CHECK(replies.kind == ActionKind::write);
  CHECK(replies.bytes.ends_with("220 2.0.0 Ready to start TLS\r\n"));
  CHECK(automaton.next().kind == ActionKind::start_tls);
  CHECK(automaton.next().kind == ActionKind::start_tls);
  CHECK_FALSE(automaton.tls());
  SUBCASE("done") {
    automaton.tls_started();
    CHECK(automaton.tls());
    CHECK(automaton.helo_name().empty());
    CHECK_FALSE(automaton.extended());
    CHECK(automaton.next().kind == ActionKind::need_input);
  }
  SUBCASE("failed") {
    automaton.connection_lost();
    CHECK(automaton.next().kind == ActionKind::close);
  }
  SUBCASE("timed out: a reply in plain would only confuse the client's TLS") {
    automaton.time_out();
    CHECK(automaton.next().kind == ActionKind::close);
    CHECK(automaton.end_reason() == "time-out");
  }
}

TEST_CASE("credentials are shown while they are checked, and no longer") {
  ServerAutomaton automaton(std::make_shared<ServerOptions>(options()));
  automaton.tls_started();
  while (automaton.next().kind != ActionKind::need_input) {
  }
  automaton.input("EHLO c\r\n");
  while (automaton.next().kind != ActionKind::need_input) {
  }
  const std::string octets = "AUTH PLAIN " + plain("alice", "secret") + "\r\n";
  automaton.input(octets);
  while (automaton.next().kind != ActionKind::check_credentials) {
  }
  CHECK(automaton.credentials().user == "alice");
  CHECK(automaton.credentials().secret == "secret");
  CHECK_FALSE(automaton.authenticated());
  CHECK(automaton.input_was_secret());
  SUBCASE("accepted") {
    automaton.accept();
    CHECK(automaton.authenticated());
    CHECK(automaton.authenticated_as() == "alice");
    CHECK(automaton.next().bytes == "235 2.7.0 Authentication successful\r\n");
  }
  SUBCASE("refused") {
    automaton.refuse({535, {5, 7, 8}, "Wrong"});
    CHECK_FALSE(automaton.authenticated());
    CHECK(automaton.next().bytes == "535 5.7.8 Wrong\r\n");
  }
  SUBCASE("a refusal that is none is a temporary failure") {
    automaton.refuse({235, {2, 7, 0}, "Ok"});
    CHECK_FALSE(automaton.authenticated());
    CHECK(automaton.next().bytes == "454 4.7.0 Temporary authentication failure\r\n");
  }
  SUBCASE("the client went away") {
    automaton.connection_lost();
    automaton.accept();
    CHECK_FALSE(automaton.authenticated());
    CHECK(automaton.next().kind == ActionKind::close);
  }
  CHECK(automaton.credentials() == Credentials{});
}

TEST_CASE("no record shows a secret, however AUTH is said") {
  const std::string secret = plain("alice", "tanstaaftanstaaf");
  const std::string password = encode_base64("tanstaaftanstaaf");
  const auto says = [&](const std::string& octets, bool tls, const std::string& shown) {
    CAPTURE(octets);
    ModelCarrier carrier(options(), false, tls);
    const Record record(carrier.automaton());
    carrier.run();
    carrier.feed("EHLO c\r\n" + octets);
    CHECK_FALSE(record.holds(secret));
    CHECK_FALSE(record.holds(password));
    CHECK_FALSE(record.holds("tanstaaf"));
    CHECK(record.holds(shown));
    CHECK(carrier.automaton().input_was_secret());
  };
  says("AUTH PLAIN " + secret + "\r\n", true, "c AUTH PLAIN [credentials]\ns 235");
  says("auth plain\r\n" + secret + "\r\n", true, "c AUTH plain\ns 334 \nc [credentials]\ns 235");
  says("AUTH LOGIN\r\nYWxpY2U=\r\n" + password + "\r\n", true,
       "c AUTH LOGIN\ns 334 VXNlcm5hbWU6\nc [credentials]\ns 334 UGFzc3dvcmQ6\nc [credentials]\ns "
       "235");
  says("AUTH PLAIN " + secret + "\r\n", false, "c AUTH PLAIN [credentials]\ns 538");
  says("AUTH LOGIN\r\nYWxpY2U=\r\n" + password + "\r\nNOOP\r\nFOO\r\n", false,
       "s 538 5.7.11 Encryption required for AUTH\nc [credentials]\ns 500 5.5.2 Command not "
       "recognized\nc [credentials]\ns 500 5.5.2 Command not recognized\nc NOOP\ns 250 2.0.0 Ok\nc "
       "FOO\n");
  says("AUTH DIGEST-MD5 " + secret + "\r\n", true, "c AUTH [credentials]\ns 504");
  says("AUTH " + secret + "\r\n", true, "c AUTH [credentials]\ns 504");
  says("AUTH PLAIN " + secret + "=\r\n", true, "c AUTH PLAIN [credentials]\ns 501");
  says("NOOP\nAUTH PLAIN " + secret + "\r\n", true, "c [credentials]\ns 500 5.5.2 bare LF");
  says("AUTH LOGIN\0x\r\n"s + password + "\r\n", true, "in command line\nc [credentials]\ns 500");
  says("MAIL FROM:<a@b>\r\nAUTH LOGIN\r\nYWxpY2U=\r\n" + password + "\r\nRSET\r\nFOO\r\n", true,
       "s 503 5.5.1 Not within a mail transaction\nc [credentials]\ns 500 5.5.2 Command not "
       "recognized\nc [credentials]\ns 500 5.5.2 Command not recognized\nc RSET\ns 250 2.0.0 Ok\nc "
       "FOO\n");
  says("AUTH PLAIN\t" + secret + "\r\n", true, "c AUTH [credentials]\ns 504");
  says("AUTH LOGIN\r\n?\r\n" + password + "\r\n", true, "c [credentials]\ns 501");
  says("AUTH PLAIN " + secret + std::string(20000, 'x') + "\r\n", true,
       "c AUTH PLAIN [credentials]\ns 500 5.5.6 Authentication exchange line is too long");
}

TEST_CASE("no record shows the secret of an AUTH that would have needed TLS first") {
  ServerOptions given = options();
  given.require_tls = true;
  ModelCarrier carrier(given);
  const Record record(carrier.automaton());
  carrier.run();
  carrier.feed("EHLO c\r\nAUTH LOGIN\r\nYWxpY2U=\r\ndGFuc3RhYWZ0YW5zdGFhZg==\r\n");
  CHECK(record.holds("c AUTH LOGIN\ns 530 5.7.0"));
  CHECK(record.holds("c [credentials]"));
  CHECK_FALSE(record.holds("dGFu"));
  CHECK(carrier.automaton().input_was_secret());
}

TEST_CASE("the carrier is told of a secret in its buffer even before the line has ended") {
  ServerAutomaton automaton(std::make_shared<ServerOptions>(options()));
  automaton.tls_started();
  const auto feed = [&](std::string_view octets) {
    automaton.input(octets);
    while (true) {
      const Action action = automaton.next();
      if (action.kind == ActionKind::check_credentials) automaton.accept();
      if (action.kind == ActionKind::need_input) return automaton.input_was_secret();
    }
  };
  CHECK_FALSE(feed("EHLO c\r\n"));
  CHECK_FALSE(feed("AU"));
  CHECK(feed("TH PLAIN AGFsaWNl"));
  CHECK(feed("AHNlY3JldA=="));
  CHECK(feed("\r\n"));
  CHECK(automaton.authenticated_as() == "alice");
  CHECK_FALSE(feed("NOOP\r\n"));
}

TEST_CASE("lines of AUTH may have 12288 octets, other lines stay as they were") {
  const std::string head = "AUTH XOAUTH2 ";
  for (const std::size_t length : {max_auth_line, max_auth_line + 1}) {
    ModelCarrier carrier(options(), false, true);
    carrier.run();
    carrier.feed("EHLO c\r\n");
    const std::string before = carrier.written();
    // The length of base64 goes by fours: spaces behind it fill up.
    std::string message =
        "user=a\x01"
        "auth=Bearer ";
    message +=
        std::string((length - 2 - head.size()) / 4 * 3 - message.size() - 2, 't') + "\x01\x01";
    std::string line = head + encode_base64(message);
    line += std::string(length - 2 - line.size(), ' ') + "\r\n";
    REQUIRE(line.size() == length);
    carrier.feed(line, 1000);
    CHECK(carrier.written().substr(before.size()) ==
          (length == max_auth_line ? "235 2.7.0 Authentication successful\r\n"
                                   : "500 5.5.6 Authentication exchange line is too long\r\n"));
  }
  for (const bool whole : {false, true}) {
    ModelCarrier carrier(options(), false, true);
    carrier.run();
    carrier.feed("EHLO c\r\n");
    carrier.feed("NOOP " + std::string(max_command_line - 7, 'x') + "\r\nNOOP " +
                     std::string(max_command_line - 6, 'x') + "\r\n",
                 whole ? std::string_view::npos : 1000);
    CHECK(carrier.written().ends_with("250 2.0.0 Ok\r\n500 5.5.2 Line too long\r\n"));
  }
}

TEST_CASE("what XCLIENT told stands over STARTTLS, but not what the client said by itself") {
  ModelCarrier carrier(options(), true);
  carrier.run();
  carrier.feed("XCLIENT NAME=spike.example LOGIN=alice\r\n");
  CHECK(carrier.automaton().authenticated_as() == "alice");
  carrier.feed("EHLO c\r\n");
  carrier.feed("STARTTLS\r\n");
  CHECK(carrier.automaton().client_facts().name == "spike.example");
  CHECK(carrier.automaton().authenticated_as() == "alice");
  CHECK(carrier.automaton().helo_name().empty());
}

TEST_CASE("a client that is refused is not the one that is told") {
  ModelCarrier carrier(options(), true);
  carrier.run();
  carrier.feed("XCLIENT NAME=spike.example\r\nXCLIENT NAME=refused.example\r\n");
  CHECK(carrier.automaton().client_facts().name == "spike.example");
  CHECK(carrier.written().ends_with("220 mx.example ESMTP\r\n550 5.7.1 Not that one\r\n"));
}

TEST_CASE("a session tells why it ended") {
  ServerOptions given = options();
  given.max_errors = 1;
  given.max_commands = 4;
  given.max_idle_commands = 2;
  for (const auto& [octets, reason] :
       {std::pair{"QUIT\r\n", "quit"},
        {"FOO\r\nFOO\r\n", "too many errors"},
        {"NOOP\r\nNOOP\r\nNOOP\r\n", "too many commands without mail"},
        {"EHLO c\r\nEHLO c\r\nEHLO c\r\nEHLO c\r\nEHLO c\r\n", "too many commands"},
        {"GET / HTTP/1.1\r\n", "spoke HTTP"},
        {"\x16\x03\x01", "spoke TLS"},
        {"SSH-2.0-x\r\n", "spoke SSH"},
        {"BDAT x\r\n", "chunk of unknown size"},
        {"BDAT 1\nx\r\n", "chunk of unknown size"},
        {"EHLO c\r\nMAIL FROM:<closing@b>\r\n", "refused with 421"}}) {
    ModelCarrier carrier(given);
    carrier.run();
    CHECK(carrier.automaton().end_reason().empty());
    carrier.feed(octets);
    CHECK(carrier.automaton().end_reason() == reason);
    CHECK(carrier.closed());
  }
}

}  // namespace
}  // namespace cordon::smtp::test
