// What the dialogues cannot show: the envelope, the record, memory, events at every point.
#include <doctest/doctest.h>

#include "model_carrier.h"

namespace cordon::smtp::test {
namespace {

ServerOptions options() {
  ServerOptions given;
  given.hostname = "mx.example";
  return given;
}

constexpr std::string_view one_message =
    "EHLO client.example\r\nMAIL FROM:<a@client.example>\r\nRCPT TO:<b@example.org>\r\n"
    "RCPT TO:<refused@example.org>\r\nDATA\r\nhello\r\n..dot\r\n.\r\nQUIT\r\n";

TEST_CASE("the greeting comes without any input") {
  ServerAutomaton automaton(std::make_shared<ServerOptions>(options()));
  const Action first = automaton.next();
  CHECK(first.kind == ActionKind::write);
  CHECK(first.bytes == "220 mx.example ESMTP\r\n");
  CHECK(automaton.next().kind == ActionKind::need_input);
}

TEST_CASE("the envelope shows what the client gave") {
  ServerOptions given = options();
  given.smtputf8 = true;
  ModelCarrier carrier(given);
  carrier.feed(
      "EHLO client.example\r\n"
      "MAIL FROM:<a@b> SIZE=99 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=Q+2B1\r\n"
      "RCPT TO:<c@d> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;c+2Bx@d\r\nRCPT TO:<e@f>\r\n");
  const ServerAutomaton& automaton = carrier.automaton();
  Envelope expected;
  expected.sender = {false, {"a", "b"}};
  expected.declared_size = 99;
  expected.body = BodyType::eight_bit_mime;
  expected.smtputf8 = true;
  expected.ret = DsnReturn::headers;
  expected.envid = "Q+2B1";
  expected.recipients = {{{"c", "d"}, notify::success | notify::delay, "rfc822;c+2Bx@d"},
                         {{"e", "f"}, notify::unspecified, ""}};
  CHECK(automaton.envelope() == expected);
  CHECK(automaton.helo_name() == "client.example");
  CHECK(automaton.extended());
  CHECK(automaton.in_transaction());
  carrier.feed("RSET\r\nMAIL FROM:<>\r\n");
  CHECK(automaton.envelope() == Envelope{});
}

TEST_CASE("a refused sender leaves nothing behind") {
  ModelCarrier carrier(options());
  carrier.feed("EHLO c\r\nMAIL FROM:<refused@b> ENVID=X\r\n");
  CHECK_FALSE(carrier.automaton().in_transaction());
  CHECK(carrier.automaton().envelope() == Envelope{});
}

TEST_CASE("a session goes the same wherever its octets are parted in two") {
  ModelCarrier whole(options());
  whole.feed(one_message);
  for (std::size_t cut = 1; cut < one_message.size(); ++cut) {
    ModelCarrier parted(options());
    parted.feed(one_message.substr(0, cut));
    parted.feed(one_message.substr(cut));
    CHECK(parted.written() == whole.written());
    CHECK(parted.lines_of('A') == whole.lines_of('A'));
  }
}

TEST_CASE("wherever a session is cut off, what was begun is ended once and nothing more is said") {
  for (std::size_t cut = 0; cut < one_message.size(); ++cut) {
    CAPTURE(cut);
    ModelCarrier carrier(options());
    carrier.run();
    carrier.feed(one_message.substr(0, cut));
    const bool in_transaction = carrier.automaton().in_transaction();
    const std::string written = carrier.written();
    const std::size_t events = carrier.lines_of('A').size();
    carrier.automaton().connection_lost();
    carrier.run();
    CHECK(carrier.closed());
    CHECK(carrier.written() == written);
    std::vector<std::string> after = carrier.lines_of('A');
    after.erase(after.begin(), after.begin() + static_cast<long>(events));
    const bool has_body = written.find("354") != std::string::npos && in_transaction;
    std::vector<std::string> expected{"A: close"};
    if (in_transaction) expected.insert(expected.begin(), "A: transaction over <a@client.example>");
    if (has_body) expected.insert(expected.begin(), "A: drop body");
    CHECK(after == expected);
  }
}

TEST_CASE("a time-out or a shutdown says why") {
  for (std::size_t cut = 0; cut < one_message.size(); ++cut) {
    ModelCarrier carrier(options());
    carrier.feed(one_message.substr(0, cut));
    carrier.automaton().time_out();
    carrier.run();
    CHECK(carrier.closed());
    CHECK(carrier.written().ends_with("421 4.4.2 mx.example Time-out, closing connection\r\n"));
  }
  ModelCarrier carrier(options());
  carrier.automaton().shut_down();
  carrier.run();
  CHECK(carrier.written() == "421 4.3.2 mx.example Service shutting down\r\n");
}

TEST_CASE("an answer that comes after the end of the session is passed over") {
  ServerAutomaton automaton(std::make_shared<ServerOptions>(options()));
  automaton.input("EHLO c\r\nMAIL FROM:<a@b>\r\n");
  CHECK(automaton.next().kind == ActionKind::check_sender);
  CHECK(automaton.next().kind == ActionKind::check_sender);  // asked again until it is answered
  automaton.connection_lost();
  automaton.accept();
  automaton.refuse({550, {5, 0, 0}, "x"});
  CHECK(automaton.next().kind == ActionKind::close);
  CHECK(automaton.next().kind == ActionKind::close);
}

TEST_CASE(
    "a message that the carrier is storing is neither dropped nor called void by a lost client") {
  ServerAutomaton automaton(std::make_shared<ServerOptions>(options()));
  automaton.input("EHLO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\n");
  Action action = automaton.next();
  while (action.kind != ActionKind::end_body) {
    if (action.kind == ActionKind::check_sender || action.kind == ActionKind::check_recipient ||
        action.kind == ActionKind::open_body) {
      automaton.accept();
    }
    action = automaton.next();
  }
  automaton.connection_lost();
  CHECK(automaton.next().kind == ActionKind::close);
}

TEST_CASE("a refusal that is no refusal becomes a 451, never a yes") {
  ServerAutomaton automaton(std::make_shared<ServerOptions>(options()));
  automaton.next();
  automaton.next();
  automaton.input("HELO c\r\nMAIL FROM:<a@b>\r\n");
  CHECK(automaton.next().kind == ActionKind::check_sender);
  automaton.refuse({250, {2, 0, 0}, "Ok"});
  CHECK(automaton.next().bytes == "250 mx.example\r\n451 4.3.0 Local error, try again later\r\n");
}

TEST_CASE("the record shows each line of both sides, and of content only its size") {
  ModelCarrier carrier(options());
  std::vector<std::string> record;
  carrier.automaton().set_recorder([&](Speaker speaker, std::string_view line) {
    record.push_back((speaker == Speaker::client ? "c " : "s ") + std::string(line));
  });
  carrier.feed("HELO c\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhello\r\n.\r\nFOO\nBAR\r\n");
  CHECK(record == std::vector<std::string>{
                      "s 220 mx.example ESMTP", "c HELO c", "s 250 mx.example", "c MAIL FROM:<a@b>",
                      "s 250 2.1.0 Ok", "c RCPT TO:<c@d>", "s 250 2.1.5 Ok", "c DATA",
                      "s 354 End data with <CR><LF>.<CR><LF>", "c [7 octets of content]",
                      "s 250 2.0.0 Ok, queued as 17", "c FOO\nBAR",
                      "s 500 5.5.2 bare LF in command line"});
}

TEST_CASE("a thousand recipients fit in one transaction") {
  ModelCarrier carrier(options());
  std::string octets = "EHLO c\r\nMAIL FROM:<a@b>\r\n";
  for (int i = 0; i <= 1000; ++i) octets += "RCPT TO:<u" + std::to_string(i) + "@example.org>\r\n";
  carrier.feed(octets);
  CHECK(carrier.automaton().envelope().recipients.size() == 1000);
  CHECK(carrier.written().ends_with("250 2.1.5 Ok\r\n452 4.5.3 Too many recipients\r\n"));
}

TEST_CASE("replies of an endless batch are written out in bounded pieces") {
  ServerOptions given = options();
  given.max_idle_commands = 100000;
  ServerAutomaton automaton(std::make_shared<ServerOptions>(given));
  std::string octets;
  for (int i = 0; i < 5000; ++i) octets += "NOOP\r\n";
  automaton.input(octets);
  std::size_t written = 0;
  for (Action action = automaton.next(); action.kind == ActionKind::write;
       action = automaton.next()) {
    CHECK(action.bytes.size() < 5000);
    written += action.bytes.size();
  }
  CHECK(written == 5000 * std::string_view("250 2.0.0 Ok\r\n").size() +
                       std::string_view("220 mx.example ESMTP\r\n").size());
}

TEST_CASE("after the last allowed command the session is closed") {
  ServerOptions given = options();
  given.max_commands = 2;
  ModelCarrier carrier(given);
  carrier.feed("EHLO c\r\nNOOP\r\nNOOP\r\n");
  CHECK(carrier.closed());
  CHECK(carrier.written().ends_with("250 2.0.0 Ok\r\n421 4.7.0 mx.example Too many commands\r\n"));
}

TEST_CASE("an endless command line is refused once its end has come") {
  ModelCarrier carrier(options());
  carrier.run();
  for (int i = 0; i < 1000; ++i) carrier.feed(std::string(1000, 'x'));
  CHECK(carrier.written() == "220 mx.example ESMTP\r\n");
  carrier.feed("\r\nNOOP\r\n");
  CHECK(carrier.lines_of('S').at(1) == "S: 500 5.5.2 Line too long");
  CHECK(carrier.lines_of('S').at(2) == "S: 250 2.0.0 Ok");
}

}  // namespace
}  // namespace cordon::smtp::test
