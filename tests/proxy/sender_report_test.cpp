// Who is told what of an attempt, and what of the message comes with it.
#include "proxy/sender_report.h"

#include <cctype>

#include <doctest/doctest.h>

using namespace cordon;
using namespace cordon::proxy;
using notice::DsnAction;
using store::MessageKind;
using store::RecipientState;

namespace {

namespace notify = smtp::notify;

Config config() {
  Settings settings;
  settings.hostname = "gw.example";
  settings.notices.operators = {"ops@in.example", "postmaster"};
  settings.notices.local_domains = {"in.example"};
  settings.notices.max_returned_octets = 100;
  return Config(settings);
}

const std::string content = "Subject: x\r\nTo: b0@out.example\r\n\r\nText\r\n";

// A message of anna to b0@out.example, b1@out.example, ... with these values of NOTIFY.
store::MessageView view(const std::vector<std::uint8_t>& notifies) {
  store::MessageView view;
  view.message.id = store::MessageId{7};
  view.message.listener = "submission";
  view.message.envelope.sender = {false, {"anna", "in.example"}};
  for (const std::uint8_t bits : notifies) {
    const std::string local = "b" + std::to_string(view.recipients.size());
    view.recipients.push_back({.index = static_cast<std::uint32_t>(view.recipients.size())});
    view.message.envelope.recipients.push_back({.mailbox = {local, "out.example"}, .notify = bits});
  }
  view.message.trace = "Received: by gw.example\r\n";
  view.message.octets = content.size();
  view.message.subject = "x";
  return view;
}

Fate failed(std::uint32_t index = 0) {
  return {.index = index,
          .state = RecipientState::failed,
          .reply = {550, {5, 1, 1}, "No such user", true},
          .heard_from = "mx.example"};
}

Fate delivered(std::uint32_t index = 0) {
  return {.index = index, .state = RecipientState::delivered, .reply = {250, {2, 0, 0}, "ok"}};
}

Fate late(std::uint32_t index = 0) {
  return {.index = index, .reply = {450, {4, 2, 0}, "Not now"}, .late = true};
}

Attempt attempt(std::vector<Fate> fates) { return {.fates = std::move(fates)}; }

std::optional<Notice> report(const store::MessageView& view, std::vector<Fate> fates,
                             const std::vector<baits::Bait>& baits = {},
                             std::string_view body = content) {
  return sender_report(config(), baits::Matcher(baits), view, attempt(std::move(fates)), body);
}

bool has(const std::optional<Notice>& notice, std::string_view text) {
  return notice && notice->content.find(text) != std::string::npos;
}

const std::vector<std::string> operators = {"ops@in.example", "postmaster"};

}  // namespace

TEST_CASE("NOTIFY says of what a sender is told (RFC 3461 5.2)") {
  Fate passed_on = delivered();
  passed_on.dsn_passed_on = true;
  Fate early = late();
  early.late = false;
  struct Row {
    std::uint8_t bits;
    std::optional<DsnAction> of_failure, of_delay, of_success;
  };
  using enum DsnAction;
  constexpr auto nothing = std::nullopt;
  for (const Row& row : {
           Row{notify::unspecified, failed, delayed, nothing},
           Row{notify::never, nothing, nothing, nothing},
           Row{notify::failure, failed, nothing, nothing},
           Row{notify::delay, nothing, delayed, nothing},
           Row{notify::success, nothing, nothing, relayed},
           Row{notify::success | notify::failure | notify::delay, failed, delayed, relayed},
       }) {
    CAPTURE(row.bits);
    const store::Message message = view({row.bits}).message;
    CHECK(action_to_tell(message, ::failed()) == row.of_failure);
    CHECK(action_to_tell(message, late()) == row.of_delay);
    CHECK(action_to_tell(message, early) == nothing);
    CHECK(action_to_tell(message, ::delivered()) == row.of_success);
    CHECK(action_to_tell(message, passed_on) == nothing);  // it reports from now on
    CHECK(action_to_tell(message, {.state = RecipientState::suppressed}) == nothing);
  }
}

TEST_CASE("nobody is told of mail from the null path, and of our own only that a report failed") {
  const std::uint8_t all = notify::success | notify::failure | notify::delay;
  store::MessageView from_null = view({all});
  from_null.message.envelope.sender = {};
  store::MessageView ours = view({notify::never});
  ours.message.envelope.sender = {};
  for (const Fate& fate : {failed(), late(), delivered()}) {
    CHECK_FALSE(action_to_tell(from_null.message, fate));
    for (const MessageKind kind : {MessageKind::warning, MessageKind::report}) {
      ours.message.kind = kind;
      CHECK_FALSE(action_to_tell(ours.message, fate));
    }
  }
  CHECK_FALSE(report(from_null, {failed()}));
  CHECK(original_wanted(config(), from_null, attempt({failed()})) == 0);
  ours.message.kind = MessageKind::bounce;
  CHECK(action_to_tell(ours.message, failed()) == DsnAction::failed);
  CHECK_FALSE(action_to_tell(ours.message, late()));
  CHECK_FALSE(action_to_tell(ours.message, delivered()));
}

TEST_CASE("a local sender is told, with the words of who refused") {
  const auto notice = report(view({0, 0, notify::never}), {failed(0), delivered(1), failed(2)});
  REQUIRE(notice);
  CHECK(notice->kind == MessageKind::bounce);
  CHECK(notice->recipients == std::vector<std::string>{"anna@in.example"});
  CHECK(has(notice, "To: anna@in.example\r\n"));
  CHECK(has(notice,
            "Final-Recipient: rfc822; b0@out.example\r\nAction: failed\r\n"
            "Status: 5.1.1\r\nRemote-MTA: dns; mx.example\r\n"
            "Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n"));
  CHECK_FALSE(has(notice, "b1@out.example"));
  CHECK_FALSE(has(notice, "b2@out.example"));  // RFC 3461 5.2.8
  CHECK(has(notice, "\r\n\r\nReceived: by gw.example\r\nSubject: x\r\n"));
}

TEST_CASE("in the place of a stranger operators are told, of whatever it is") {
  store::MessageView strange = view({notify::success | notify::failure | notify::delay});
  strange.message.envelope.sender = {false, {"eve", "elsewhere.example"}};
  for (const Fate& fate : {failed(), late(), delivered()}) {
    const auto notice = report(strange, {fate});
    REQUIRE(notice);
    CHECK(notice->recipients == operators);
    CHECK(has(notice, "Its sender, <eve@elsewhere.example>, is not told"));
  }
}

TEST_CASE("our own words have no server, and what ran out of time has class 4") {
  Fate expired = late();
  expired.state = RecipientState::failed;
  expired.late = false;
  expired.expired = true;
  const auto notice = report(view({0}), {expired});
  CHECK(has(notice, "Action: failed\r\nStatus: 4.4.7\r\nDiagnostic-Code: smtp; 450 4.2.0 Not now"));
  CHECK_FALSE(has(notice, "Remote-MTA"));
}

TEST_CASE("RET=FULL returns a message up to the bound, in a report of a failure only") {
  store::MessageView full = view({notify::success | notify::failure});
  CHECK(original_wanted(config(), full, attempt({failed()})) == content.size());
  CHECK(has(report(full, {failed()}), "Content-Type: text/rfc822-headers\r\n"));
  full.message.envelope.ret = smtp::DsnReturn::full;
  const std::string whole =
      "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
      "Received: by gw.example\r\n" +
      content;
  CHECK(has(report(full, {failed()}), whole));
  CHECK(has(report(full, {delivered()}), "Content-Type: text/rfc822-headers\r\n"));
  // What could not be read in full is not taken for all.
  CHECK(has(report(full, {failed()}, {}, content.substr(0, 20)), "text/rfc822-headers"));
  const std::string large = content + std::string(100'000, 'x');
  full.message.octets = large.size();
  const auto wanted = original_wanted(config(), full, attempt({failed()}));
  CHECK(wanted == 32 * 1024);
  const auto notice = report(full, {failed()}, {}, large.substr(0, wanted));
  CHECK(has(notice, "Content-Type: text/rfc822-headers\r\n"));
  CHECK_FALSE(has(notice, "xxx"));
}

TEST_CASE("a report that nobody takes is shown to the operators once, a warning to nobody") {
  store::MessageView bounce = view({notify::never});
  bounce.message.kind = MessageKind::bounce;
  bounce.message.envelope.sender = {};
  bounce.message.envelope.recipients[0].mailbox = {"anna", "in.example"};
  const auto notice = report(bounce, {failed()});
  REQUIRE(notice);
  CHECK(notice->kind == MessageKind::report);  // whose own failure tells nobody
  CHECK(notice->recipients == operators);
  CHECK(has(notice, "Content-Type: message/rfc822\r\n"));
  bounce.message.envelope.recipients[0].mailbox = {"ops", "in.example"};
  CHECK(report(bounce, {failed()})->recipients == std::vector<std::string>{"postmaster"});
  bounce.message.envelope.recipients.push_back({.mailbox = {"postmaster", ""}});
  CHECK_FALSE(report(bounce, {failed(0), failed(1)}));
}

TEST_CASE("a sender gets his own words back as they were: a mask would show him the baits") {
  const std::vector<baits::Bait> baits = {
      {store::BaitId{3}, baits::BaitKind::address, "bait@in.example", ""}};
  const std::string body =
      "Subject: x\r\nTo: b0@out.example,\r\n <Bait@IN.example>\r\n\r\nText\r\n";
  store::MessageView one = view({0});
  one.message.octets = body.size();
  one.message.envelope.ret = smtp::DsnReturn::full;
  one.message.envelope.recipients[0].orcpt = "rfc822;bait@in.example";
  const auto with = report(one, {failed()}, baits, body);
  const auto without = report(one, {failed()}, {}, body);
  REQUIRE(with);
  CHECK(with->recipients == std::vector<std::string>{"anna@in.example"});
  CHECK(has(with, "Content-Type: message/rfc822\r\n"));
  CHECK(has(with, "\r\n <Bait@IN.example>\r\n"));
  CHECK(has(with, "Original-Recipient: rfc822; bait@in.example\r\n") ==
        has(without, "Original-Recipient: rfc822; bait@in.example\r\n"));
  CHECK(with->content.size() == without->content.size());
}

TEST_CASE("operators are shown the ids of baits, whose senders are never written to") {
  const std::vector<baits::Bait> baits = {
      {store::BaitId{3}, baits::BaitKind::address, "bait@in.example", ""},
      {store::BaitId{4}, baits::BaitKind::address, "gr\xC3\xBCn@in.example", ""}};
  const std::string body =
      "Subject: x\r\nTo: b0@out.example,\r\n <Bait@IN.example>\r\n\r\nText\r\n";
  store::MessageView one = view({0});
  one.message.octets = body.size();
  one.message.subject = "for bait@in.example";
  one.message.envelope.ret = smtp::DsnReturn::full;
  one.message.envelope.sender.mailbox = {"bait", "in.example"};
  Fate fate = failed();
  fate.reply.text = "<bait@in.example>: Sender address rejected";
  for (const char* orcpt :
       {"rfc822;bait@in.example", "rfc822;b+61it@in.example", "rfc822;gr+C3+BCn@in.example"}) {
    one.message.envelope.recipients[0].orcpt = orcpt;
    const auto notice = report(one, {fate}, baits, body);
    REQUIRE(notice);
    CHECK(notice->recipients == operators);
    CHECK(has(notice, "Content-Type: text/rfc822-headers\r\n"));
    CHECK(has(notice, "\r\n <bait:3>\r\n"));
    CHECK(has(notice, "550 5.1.1 <bait:3>: Sender address rejected"));
    std::string lower = notice->content;
    for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    CHECK(lower.find("bait@in.example") == std::string::npos);
    CHECK(lower.find("}n@in.example") == std::string::npos);
  }
}

TEST_CASE("8-bit content goes back where the way is the one that it came by") {
  const std::string body =
      "Subject: x\r\n\r\ngr\xC3\xBC\xC3\x9F"
      "e\r\n";
  store::MessageView one = view({0});
  one.message.octets = body.size();
  one.message.envelope.ret = smtp::DsnReturn::full;
  CHECK(has(report(one, {failed()}, {}, body), "text/rfc822-headers"));
  one.message.envelope.body = smtp::BodyType::eight_bit_mime;
  CHECK(has(report(one, {failed()}, {}, body), "Content-Transfer-Encoding: 8bit"));
}
