// What the store does with messages: content, claims, results, operators' wishes, searches.
#include "fixture.h"

namespace cordon::store {
namespace {

Message everything_set(Store& store, OriginId origin) {
  Message m;
  m.id = store.next_message_id();
  m.kind = MessageKind::bounce;
  m.origin = origin;
  m.listener = "submission";
  m.session = "s42";
  m.accepted_at = at(1234);
  m.accepted_up = up(56);
  m.due = up(116);
  m.clearance = 7;
  m.quarantined_by = AlertId{3};
  m.frozen = true;
  m.attempts = 2;
  m.envelope.sender = {false, {"od d\"er", "Client.EXAMPLE"}};
  m.envelope.declared_size = 123456;
  m.envelope.body = smtp::BodyType::eight_bit_mime;
  m.envelope.smtputf8 = true;
  m.envelope.ret = smtp::DsnReturn::headers;
  m.envelope.envid = "QQ+2B314159";
  m.envelope.recipients = {
      {{"a.b", "Example.NET"}, smtp::notify::success | smtp::notify::delay, "rfc822;a.b@x"},
      {{"postmaster", ""}, smtp::notify::never, ""},
      {{"user", "[IPv6:2001:DB8::1]"}, 0, ""},
      {{"j\xC3\xB6rg@home", "xn--e1afmkfd.example"}, 0, ""}};
  m.trace = "Received: from x by y\r\n";
  m.octets = 4;
  m.digest.fill(0xA5);
  m.subject = "A subject";
  m.message_id = "<1@client.example>";
  m.references = "<0@client.example>";
  m.client = "NAME=client.example ADDR=192.0.2.7";
  m.login = "ann@client.example";
  return m;
}

TEST_CASE("a message comes back as it was accepted, with every field of its envelope") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const OriginId origin = add_origin(*store, "192.0.2.7");
  const Message m = everything_set(*store, origin);
  REQUIRE(run(*store, Accept{m, 0, "mail"}).ok());
  const auto view = store->reader()->message(m.id);
  REQUIRE(view);
  const Message& got = view->message;
  CHECK(got.envelope == m.envelope);
  CHECK(got.kind == m.kind);
  CHECK(got.state == MessageState::held);
  CHECK(got.origin == origin);
  CHECK(got.listener == m.listener);
  CHECK(got.session == m.session);
  CHECK(got.accepted_at == m.accepted_at);
  CHECK(got.accepted_up == m.accepted_up);
  CHECK(got.due == m.due);
  CHECK(got.clearance == m.clearance);
  CHECK(got.quarantined_by == m.quarantined_by);
  CHECK(got.frozen);
  CHECK(got.attempts == 2);
  CHECK(got.trace == m.trace);
  CHECK(got.octets == 4);
  CHECK(got.digest == m.digest);
  CHECK(got.subject == m.subject);
  CHECK(got.message_id == m.message_id);
  CHECK(got.references == m.references);
  CHECK(got.client == m.client);
  CHECK(got.login == m.login);
  CHECK(view->sealed.empty());
  CHECK(view->origin_label == "192.0.2.7");
  CHECK(view->quarantined);
  REQUIRE(view->recipients.size() == 4);
  CHECK(view->recipients[3].index == 3);
  CHECK(view->recipients[3].state == RecipientState::pending);
  CHECK_FALSE(store->reader()->message(MessageId{4711}));
}

TEST_CASE("a message with the null reverse path and no declared size keeps both so") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  Accept accept = plain(*store);
  accept.message.envelope.sender = {};
  const smtp::Envelope envelope = accept.message.envelope;
  const MessageId id = accept.message.id;
  REQUIRE(run(*store, std::move(accept)).ok());
  CHECK(store->reader()->message(id)->message.envelope == envelope);
}

TEST_CASE("an acceptance that contradicts what is stored is a fault and leaves nothing") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  Accept stranger = plain(*store, OriginId{77});
  CHECK(run(*store, stranger).error == StoreError::fault);
  Accept nobody = plain(*store);
  nobody.message.envelope.recipients.clear();
  CHECK(run(*store, nobody).error == StoreError::fault);
  const MessageId id = accept_plain(*store);
  Accept again = plain(*store);
  again.message.id = id;
  const Answer answer = run(*store, TouchOrigin{the_gateway, at(9999)}, again);
  CHECK(answer.error == StoreError::fault);
  CHECK_FALSE(answer.detail.empty());
  CHECK(store->reader()->origin(the_gateway)->last_seen == at(0));
  CHECK(found(*store, {.which = MessageFilter::Which::all}) == std::vector{id});
}

TEST_CASE("a claim takes what is held and free, and says which; the rest stays") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const OriginId cordoned = add_origin(*store, "192.0.2.66");
  const MessageId free = accept_plain(*store);
  const MessageId frozen = accept_plain(*store);
  const MessageId caught = accept_plain(*store, cordoned);
  Accept bounce = plain(*store);
  bounce.message.quarantined_by = AlertId{1};
  const MessageId alone = bounce.message.id;
  REQUIRE(run(*store, Freeze{frozen, true}, bounce).ok());
  raise(*store, cordoned, 1);
  const Claim claim{{free, frozen, caught, alone, MessageId{12345}}};
  CHECK(run(*store, claim).claimed == std::vector{free});
  CHECK(run(*store, claim).claimed.empty());
  CHECK(store->reader()->message(free)->message.state == MessageState::claimed);
  CHECK(store->reader()->message(caught)->message.state == MessageState::held);
  REQUIRE(run(*store, Freeze{frozen, false}).ok());
  CHECK(run(*store, claim).claimed == std::vector{frozen});
}

TEST_CASE("an attempt settles recipients one by one; the last one settles the message") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const MessageId id = accept_to(
      *store, the_gateway, {to("a", "x.example"), to("b", "x.example"), to("c", "x.example")});
  using enum RecipientState;
  REQUIRE(run(*store, Claim{{id}}, attempt(id, {delivered, pending, failed})).ok());
  auto view = store->reader()->message(id);
  CHECK(view->message.state == MessageState::held);
  CHECK(view->message.due == up(130));
  CHECK(view->message.attempts == 1);
  CHECK(view->recipients[0].state == delivered);
  CHECK(view->recipients[0].settled_at == at(2000));
  CHECK(view->recipients[1].state == pending);
  CHECK(view->recipients[1].last_reply == "250 ok");
  CHECK_FALSE(view->recipients[1].settled_at);
  CHECK(view->recipients[2].state == failed);
  CHECK(body_of(*store->reader(), id) == "body\r\n");

  RecordAttempt second{id, at(2100), up(0), {{1, failed, "550 5.1.1 no"}}, false};
  REQUIRE(run(*store, Claim{{id}}, second).ok());
  view = store->reader()->message(id);
  CHECK(view->message.state == MessageState::committed);
  CHECK(view->message.attempts == 1);
  CHECK(view->recipients[1].last_reply == "550 5.1.1 no");
  CHECK(body_of(*store->reader(), id).empty());
  CHECK(run(*store, second).error == StoreError::fault);
}

TEST_CASE("that a sender was told of a delay stays on record, for each recipient") {
  const TemporaryDirectory directory;
  MessageId id{};
  using enum RecipientState;
  const auto told = [&](Reader& reader) {
    const auto view = reader.message(id);
    std::vector<bool> all;
    for (const auto& recipient : view->recipients) all.push_back(recipient.delay_told);
    return all;
  };
  {
    const auto store = directory.open();
    id = accept_to(*store, the_gateway, {to("a", "x.example"), to("b", "x.example")});
    CHECK(told(*store->reader()) == std::vector{false, false});
    RecordAttempt first = attempt(id, {pending, pending});
    first.results[1].delay_told = true;
    REQUIRE(run(*store, Claim{{id}}, first).ok());
    CHECK(told(*store->reader()) == std::vector{false, true});
  }
  const auto store = directory.open();
  REQUIRE(run(*store, Claim{{id}}, attempt(id, {pending, pending})).ok());
  CHECK(told(*store->reader()) == std::vector{false, true});
  REQUIRE(run(*store, Claim{{id}}, attempt(id, {delivered, failed})).ok());
  CHECK(told(*store->reader()) == std::vector{false, true});
}

TEST_CASE("a message that nobody got has failed") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const MessageId id = accept_to(*store, the_gateway, {to("a", "x.example"), to("b", "x.example")});
  using enum RecipientState;
  REQUIRE(run(*store, Claim{{id}}, attempt(id, {failed, suppressed})).ok());
  CHECK(store->reader()->message(id)->message.state == MessageState::failed);
  CHECK(body_of(*store->reader(), id).empty());
}

TEST_CASE("who has it is on record while the claim stands for the others") {
  const TemporaryDirectory directory;
  const MessageId id = [&] {
    const auto store = directory.open();
    const MessageId accepted =
        accept_to(*store, the_gateway, {to("a", "x.example"), to("b", "y.example")});
    REQUIRE(run(*store, Claim{{accepted}}).ok());
    RecordAttempt part{accepted, at(5), up(500), {{0, RecipientState::delivered, "250"}}};
    part.claim_stands = true;
    REQUIRE(run(*store, part).ok());
    CHECK(run(*store, part).error == StoreError::fault);  // said once
    return accepted;
  }();
  const auto store = directory.open();
  const auto view = store->reader()->message(id);
  CHECK(view->message.state == MessageState::claimed);
  CHECK(view->message.attempts == 0);
  CHECK(view->message.due != up(500));
  CHECK(view->recipients[0].state == RecipientState::delivered);
  CHECK(view->recipients[0].settled_at == at(5));
  CHECK(view->recipients[1].state == RecipientState::pending);
  CHECK_FALSE(body_of(*store->reader(), id).empty());
  const auto records = store->reader()->revocations(the_gateway, at(0), "", 10);
  REQUIRE(records.size() == 1);
  CHECK(records[0].recipient == "a@x.example");
  CHECK(records[0].certain);

  // Found so at a start only the other may have got it unrecorded.
  REQUIRE(run(*store, MarkUncertain{id}).ok());
  const auto doubts = store->reader()->revocations(the_gateway, at(0), "", 10);
  REQUIRE(doubts.size() == 2);
  CHECK(doubts[0].certain);
  CHECK_FALSE(doubts[1].certain);

  REQUIRE(run(*store, RecordAttempt{id, at(6), up(1), {{1, RecipientState::failed, "550"}}}).ok());
  CHECK(store->reader()->message(id)->message.state == MessageState::committed);
  CHECK(store->reader()->message(id)->message.attempts == 1);
  CHECK(body_of(*store->reader(), id).empty());
}

TEST_CASE("results for strangers and for settled recipients are faults") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const MessageId id = accept_to(*store, the_gateway, {to("a", "x.example"), to("b", "x.example")});
  RecordAttempt one{id, at(1), up(1), {{0, RecipientState::delivered, "250"}}, true};
  REQUIRE(run(*store, one).ok());
  CHECK(run(*store, one).error == StoreError::fault);
  CHECK(
      run(*store, RecordAttempt{id, at(1), up(1), {{2, RecipientState::failed, ""}}, true}).error ==
      StoreError::fault);
  CHECK(run(*store, RecordAttempt{MessageId{99}, at(1), up(1), {}, true}).error ==
        StoreError::fault);
}

TEST_CASE("a claim without a result goes back, or is marked uncertain") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const MessageId id = accept_plain(*store);
  CHECK(run(*store, Unclaim{id}).error == StoreError::fault);
  REQUIRE(run(*store, Claim{{id}}, Unclaim{id}).ok());
  CHECK(store->reader()->message(id)->message.state == MessageState::held);
  REQUIRE(run(*store, Claim{{id}}, MarkUncertain{id}).ok());
  CHECK(store->reader()->message(id)->message.state == MessageState::uncertain);
  // It is tried again while its origin is free.
  CHECK(run(*store, Claim{{id}}).claimed == std::vector{id});
  CHECK(run(*store, Claim{{id}}).claimed.empty());
}

TEST_CASE("what is still under way is on record as a doubt, and goes on as it was") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const MessageId id = accept_to(*store, the_gateway, {to("a", "x.example"), to("b", "x.example")});
  const auto doubts = [&] { return store->reader()->revocations(the_gateway, at(0), "", 10); };
  REQUIRE(run(*store, MarkUncertain{id, true}).ok());
  CHECK(doubts().empty());  // it is not even claimed
  REQUIRE(run(*store, Claim{{id}}, MarkUncertain{id, true}, MarkUncertain{id, true}).ok());
  CHECK(store->reader()->message(id)->message.state == MessageState::claimed);
  REQUIRE(doubts().size() == 2);
  CHECK_FALSE(doubts()[0].certain);
  REQUIRE(run(*store, Unclaim{id}).ok());
  CHECK(store->reader()->message(id)->message.state == MessageState::held);
}

TEST_CASE("a release overrides cordon, quarantine, freezing and uncertainty") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const OriginId origin = add_origin(*store, "192.0.2.66");
  Accept accept = plain(*store, origin);
  accept.message.quarantined_by = AlertId{1};
  accept.message.frozen = true;
  const MessageId alone = accept.message.id;
  REQUIRE(run(*store, accept).ok());
  const MessageId uncertain = accept_plain(*store, origin);
  REQUIRE(run(*store, Claim{{uncertain}}, MarkUncertain{uncertain}).ok());
  raise(*store, origin, 1);
  REQUIRE(run(*store, Release{alone, up(99)}, Release{uncertain, up(99)}).ok());
  const auto view = store->reader()->message(alone);
  CHECK(view->message.clearance == released);
  CHECK(view->message.quarantined_by == AlertId{});
  CHECK_FALSE(view->message.frozen);
  CHECK(view->message.due == up(99));
  CHECK_FALSE(view->quarantined);
  CHECK(store->reader()->message(uncertain)->message.state == MessageState::held);
  CHECK(run(*store, Claim{{alone, uncertain}}).claimed == std::vector{alone, uncertain});
  CHECK(run(*store, Release{MessageId{99}, up(0)}).error == StoreError::fault);
}

TEST_CASE("a deleted message keeps its envelope and loses its content; a claimed one stays") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const MessageId id = accept_plain(*store);
  const MessageId leaving = accept_plain(*store);
  REQUIRE(run(*store, Claim{{leaving}}).ok());
  REQUIRE(run(*store, DeleteMessage{id}).ok());
  CHECK(store->reader()->message(id)->message.state == MessageState::deleted);
  CHECK(store->reader()->message(id)->message.envelope.recipients.size() == 1);
  CHECK(body_of(*store->reader(), id).empty());
  CHECK(run(*store, DeleteMessage{id}).error == StoreError::fault);
  CHECK(run(*store, Freeze{id, true}).error == StoreError::fault);
  CHECK(run(*store, DeleteMessage{leaving}).error == StoreError::fault);
  CHECK(body_of(*store->reader(), leaving) == "body\r\n");
}

TEST_CASE("each unsettled message is told once, by id, with what the policy needs") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const MessageId gone = accept_plain(*store);
  Accept accept = plain(*store);
  accept.message.kind = MessageKind::warning;
  accept.message.clearance = 5;
  accept.message.quarantined_by = AlertId{4};
  accept.message.frozen = true;
  accept.message.attempts = 3;
  const MessageId full = accept.message.id;
  REQUIRE(run(*store, accept).ok());
  const MessageId claimed = accept_plain(*store);
  deliver(*store, gone);
  REQUIRE(run(*store, Claim{{claimed}}).ok());
  std::vector<Unsettled> rows;
  store->reader()->unsettled([&](const Unsettled& row) { rows.push_back(row); });
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].id == full);
  CHECK(rows[0].kind == MessageKind::warning);
  CHECK(rows[0].state == MessageState::held);
  CHECK(rows[0].origin == the_gateway);
  CHECK(rows[0].due == up(70));
  CHECK(rows[0].accepted_up == up(10));
  CHECK(rows[0].clearance == 5);
  CHECK(rows[0].quarantined_alone);
  CHECK(rows[0].frozen);
  CHECK(rows[0].attempts == 3);
  CHECK(rows[1].id == claimed);
  CHECK(rows[1].state == MessageState::claimed);
}

TEST_CASE("messages are found by each part of a filter") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const OriginId origin = add_origin(*store, "192.0.2.7");
  Accept first = plain(*store, origin);
  first.message.envelope.sender = {false, {"Ann", "Sales.Example"}};
  first.message.envelope.recipients = {to("bob", "Other.Example"), to("x", "y.example")};
  first.message.accepted_at = at(100);
  Accept second = plain(*store);
  second.message.accepted_at = at(200);
  Accept third = plain(*store);
  third.message.envelope.sender = {};
  third.message.accepted_at = at(300);
  const MessageId a = first.message.id;
  const MessageId b = second.message.id;
  const MessageId c = third.message.id;
  REQUIRE(run(*store, first, second, third).ok());

  using Ids = std::vector<MessageId>;
  CHECK(found(*store, {}) == Ids{a, b, c});
  CHECK(found(*store, {.ids = {c, a, a, MessageId{999}}}) == Ids{a, c});
  CHECK(found(*store, {.origin = origin}) == Ids{a});
  CHECK(found(*store, {.sender = "Ann@SALES.example"}) == Ids{a});
  CHECK(found(*store, {.sender = "@client.EXAMPLE"}) == Ids{b});
  CHECK(found(*store, {.sender = "@example"}).empty());
  CHECK(found(*store, {.recipient = "bob@other.example"}) == Ids{a});
  CHECK(found(*store, {.recipient = "@y.example"}) == Ids{a});
  CHECK(found(*store, {.recipient = "@example.net"}) == Ids{b, c});
  CHECK(found(*store, {.recipient = "ob@other.example"}).empty());
  CHECK(found(*store, {.accepted_before = at(200)}) == Ids{a});
  CHECK(found(*store, {.accepted_after = at(200)}) == Ids{c});
  CHECK(found(*store, {.after = a, .limit = 1}) == Ids{b});
  CHECK(found(*store, {.ids = {a, b, c}, .after = a, .limit = 1}) == Ids{b});
}

TEST_CASE("each unsettled message is in the queue or in quarantine, never in both") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const OriginId bad = add_origin(*store, "192.0.2.66");
  const MessageId settled = accept_plain(*store, bad);
  deliver(*store, settled);
  const MessageId free = accept_plain(*store);
  const MessageId uncertain = accept_plain(*store, bad);
  const MessageId leaving = accept_plain(*store, bad);
  REQUIRE(run(*store, Claim{{uncertain, leaving}}, MarkUncertain{uncertain}).ok());
  const MessageId before = accept_plain(*store, bad);
  const RaisedCordon raised = raise(*store, bad, 1);
  const MessageId since = accept_plain(*store, bad);
  Accept cleared = plain(*store, bad);
  cleared.message.clearance = 1;
  const MessageId later = cleared.message.id;
  REQUIRE(run(*store, cleared).ok());

  using Ids = std::vector<MessageId>;
  using Which = MessageFilter::Which;
  CHECK(found(*store, {.which = Which::queue}) == Ids{free, leaving, later});
  CHECK(found(*store, {.which = Which::quarantine}) == Ids{uncertain, before, since});
  CHECK(found(*store, {.which = Which::all}) ==
        Ids{settled, free, uncertain, leaving, before, since, later});
  CHECK(found(*store, {.alert = raised.alert, .which = Which::quarantine}) ==
        Ids{uncertain, before, since});
  CHECK(found(*store, {.alert = AlertId{99}, .which = Which::all}).empty());
  CHECK_FALSE(store->reader()->message(settled)->quarantined);
  CHECK(store->reader()->message(before)->quarantined);
}

}  // namespace
}  // namespace cordon::store
