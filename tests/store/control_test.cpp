// Origins, alerts, cordons, revocation, warnings, baits and the audit trail.
#include "fixture.h"
#include "store/control_sql.h"
#include "store/sqlite.h"

namespace cordon::store {
namespace {

std::vector<std::string> recipients_of(const std::vector<RevocationRecord>& records) {
  std::vector<std::string> all;
  all.reserve(records.size());
  for (const RevocationRecord& record : records) all.push_back(record.recipient);
  return all;
}

TEST_CASE("an origin has identifiers, each in force from a time to a time") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const OriginId first = add_origin(*store, "192.0.2.7");
  const OriginId second = add_origin(*store, "192.0.2.8");
  CHECK(store->reader()->origin_by_identifier("192.0.2.7") == first);
  CHECK_FALSE(store->reader()->origin_by_identifier("192.0.2.9"));
  REQUIRE(run(*store, EndIdentifier{first, IdentifierKind::ipv4, "192.0.2.7", at(600)},
              AddIdentifier{second, {IdentifierKind::ipv4, "192.0.2.7", at(600), {}}},
              TouchOrigin{second, at(700)}, TouchOrigin{second, at(650)})
              .ok());
  CHECK(store->reader()->origin_by_identifier("192.0.2.7") == second);
  const auto origin = store->reader()->origin(second);
  CHECK(origin->last_seen == at(700));
  REQUIRE(origin->identifiers.size() == 2);
  CHECK(origin->identifiers[1].value == "192.0.2.7");
  CHECK(store->reader()->origin(first)->identifiers[0].valid_to == at(600));
  std::vector<OriginId> all;
  store->reader()->origins([&](const Origin& o) { all.push_back(o.id); });
  CHECK(all == std::vector{the_gateway, first, second});
  CHECK(run(*store, EndIdentifier{first, IdentifierKind::ipv4, "192.0.2.7", at(9)}).error ==
        StoreError::fault);
  CHECK(run(*store, AddIdentifier{OriginId{99}, {}}).error == StoreError::fault);
  CHECK(run(*store, TouchOrigin{OriginId{99}, at(1)}).error == StoreError::fault);
}

TEST_CASE("an alert and its cordon come back whole; hits are counted in alert and bait") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const OriginId origin = add_origin(*store, "192.0.2.66");
  BaitRow bait{
      {store->next_bait_id(), baits::BaitKind::domain, "bait.example", "host 7"}, at(1), {}, "", 0};
  REQUIRE(run(*store, AddBaits{{bait}}).ok());
  RaiseAlert raise;
  raise.alert = {store->next_alert_id(),
                 at(5),
                 origin,
                 bait.bait.id,
                 baits::BaitKind::domain,
                 ViolationPlace::mail_from,
                 Response::cordon,
                 "submission",
                 "s9",
                 "a bait was used",
                 MessageId{3},
                 store->next_cordon_id(),
                 1};
  Cordon cordon{raise.alert.cordon,
                CordonKind::enforced,
                origin,
                raise.alert.id,
                4,
                0,
                at(5),
                up(6),
                {},
                false,
                false,
                "",
                7,
                8};
  raise.cordon = cordon;
  REQUIRE(
      run(*store, raise, CountHit{raise.alert.id, bait.bait.id, 2}, CountCordon{cordon.id, 5, 3})
          .ok());

  const auto reader = store->reader();
  const auto alert = reader->alert(raise.alert.id);
  REQUIRE(alert);
  CHECK(alert->at == at(5));
  CHECK(alert->origin == origin);
  CHECK(alert->bait == bait.bait.id);
  CHECK(alert->bait_kind == baits::BaitKind::domain);
  CHECK(alert->place == ViolationPlace::mail_from);
  CHECK(alert->response == Response::cordon);
  CHECK(alert->listener == "submission");
  CHECK(alert->session == "s9");
  CHECK(alert->reason == "a bait was used");
  CHECK(alert->message == MessageId{3});
  CHECK(alert->cordon == cordon.id);
  CHECK(alert->hits == 3);
  const auto got = reader->cordon(cordon.id);
  REQUIRE(got);
  CHECK(got->kind == CordonKind::enforced);
  CHECK(got->alert == alert->id);
  CHECK(got->epoch == 4);
  CHECK(got->raised_at == at(5));
  CHECK(got->raised_up == up(6));
  CHECK_FALSE(got->lifted_at);
  CHECK(got->quarantined == 12);
  CHECK(got->committed_before == 11);
  CHECK(reader->epoch() == 4);
  CHECK(reader->baits(false, BaitId{}, 10).at(0).hits == 3);

  REQUIRE(
      run(*store, SetAlertResponse{alert->id, Response::quarantine_message, "a bounce", {}}).ok());
  CHECK(reader->alert(alert->id)->response == Response::quarantine_message);
  CHECK(reader->alert(alert->id)->reason == "a bounce");
  CHECK(reader->alert(alert->id)->message == MessageId{3});
  CHECK(reader->alerts(10).size() == 1);
  CHECK(run(*store, CountHit{AlertId{99}, BaitId{}}).error == StoreError::fault);
  CHECK(run(*store, SetAlertResponse{AlertId{99}, {}, "", {}}).error == StoreError::fault);
  CHECK(run(*store, CountCordon{CordonId{99}, 1}).error == StoreError::fault);
}

TEST_CASE(
    "a cordon quarantines all that is held; withdrawn it lets that flow, lifted it does not") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const OriginId origin = add_origin(*store, "192.0.2.66");
  const MessageId held = accept_plain(*store, origin);
  SUBCASE("lifted") {
    const RaisedCordon raised = raise(*store, origin, 1);
    REQUIRE(run(*store, LiftCordon{raised.cordon, at(9), false}).ok());
    CHECK(run(*store, Claim{{held}}).claimed.empty());
    CHECK(store->reader()->cordon(raised.cordon)->lifted_at == at(9));
    CHECK(store->reader()->cordons(false, 10).empty());
    CHECK(store->reader()->cordons(true, 10).size() == 1);
    CHECK(run(*store, LiftCordon{raised.cordon, at(9), true}).error == StoreError::fault);
  }
  SUBCASE("withdrawn") {
    const RaisedCordon raised = raise(*store, origin, 1);
    REQUIRE(run(*store, LiftCordon{raised.cordon, at(9), true}).ok());
    CHECK(run(*store, Claim{{held}}).claimed == std::vector{held});
    CHECK(store->reader()->cordon(raised.cordon)->withdrawn);
  }
  SUBCASE("withdrawn under a later cordon: that one stays in force until it is withdrawn too") {
    const RaisedCordon first = raise(*store, origin, 1);
    const RaisedCordon second = raise(*store, origin, 2, 1);
    REQUIRE(run(*store, LiftCordon{first.cordon, at(9), true}).ok());
    CHECK(store->reader()->origin(origin)->cordon_epoch == 2);
    CHECK(run(*store, Claim{{held}}).claimed.empty());
    REQUIRE(run(*store, LiftCordon{second.cordon, at(9), true}).ok());
    CHECK(run(*store, Claim{{held}}).claimed == std::vector{held});
  }
  SUBCASE("shadow and review cordons quarantine nothing") {
    const RaisedCordon shadow = raise(*store, origin, 1, 0, CordonKind::shadow);
    raise(*store, everything, 2, 0, CordonKind::review);
    CHECK(store->reader()->origin(origin)->cordon_epoch == 0);
    REQUIRE(run(*store, LiftCordon{shadow.cordon, at(9), true}).ok());
    CHECK(run(*store, Claim{{held}}).claimed == std::vector{held});
    CHECK(store->reader()->epoch() == 2);
  }
}

TEST_CASE("an enforced cordon of an unknown origin is a fault") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  RaiseAlert command;
  command.alert.id = store->next_alert_id();
  command.cordon = Cordon{};
  command.cordon->id = store->next_cordon_id();
  command.cordon->origin = OriginId{99};
  CHECK(run(*store, command).error == StoreError::fault);
  CHECK(store->reader()->alerts(10).empty());
}

TEST_CASE("what an alert costs does not grow with what is held: no statement of it walks a table") {
  const TemporaryDirectory directory;
  directory.open().reset();
  Database db(directory.database().string(), SQLITE_OPEN_READONLY);
  for (const char* statement : sql::alert_statements) {
    const std::string explain = std::string("EXPLAIN QUERY PLAN ") + statement;
    Query plan = db.query(explain.c_str());
    while (plan.step()) {
      CAPTURE(statement);
      CHECK(plan.text(3).find("SCAN") == std::string_view::npos);
      CHECK(plan.text(3).find("message") == std::string_view::npos);
    }
  }
}

TEST_CASE("revocation records tell who got mail of an origin, by recipient, in whole recipients") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const OriginId origin = add_origin(*store, "192.0.2.66");
  Accept full = plain(*store, origin);
  full.message.envelope.recipients = {to("bob", "X.Example"), to("ann", "x.example")};
  full.message.subject = "subject";
  full.message.message_id = "<1@x>";
  full.message.references = "<0@x>";
  full.message.digest.fill(9);
  const MessageId first = full.message.id;
  REQUIRE(run(*store, full).ok());
  using enum RecipientState;
  REQUIRE(run(*store, Claim{{first}}, attempt(first, {delivered, failed}, at(2000))).ok());
  const MessageId second =
      accept_to(*store, origin, {to("bob", "x.example"), to("cy", "x.example")});
  REQUIRE(run(*store, Claim{{second}}, attempt(second, {delivered, delivered}, at(3000))).ok());
  const MessageId other = accept_plain(*store);  // of another origin
  deliver(*store, other);
  Accept notice = plain(*store, origin);
  notice.message.kind = MessageKind::bounce;
  const MessageId ours = notice.message.id;
  REQUIRE(run(*store, notice).ok());
  deliver(*store, ours);
  const MessageId maybe = accept_to(*store, origin, {to("dan", "x.example")});
  REQUIRE(run(*store, Claim{{maybe}}, MarkUncertain{maybe}).ok());
  accept_to(*store, origin, {to("held", "x.example")});

  const auto reader = store->reader();
  const auto all = reader->revocations(origin, at(0), "", 100);
  using Names = std::vector<std::string>;
  CHECK(recipients_of(all) ==
        Names{"bob@x.example", "bob@x.example", "cy@x.example", "dan@x.example"});
  CHECK(all[0].message == first);
  CHECK(all[1].message == second);
  CHECK(all[0].origin == origin);
  CHECK(all[0].accepted_at == at(1000));
  CHECK(all[0].committed_at == at(2000));
  CHECK(all[0].sender == "sender@client.example");
  CHECK(all[0].subject == "subject");
  CHECK(all[0].message_id == "<1@x>");
  CHECK(all[0].references == "<0@x>");
  CHECK(all[0].digest[31] == 9);
  CHECK(all[0].certain);
  CHECK_FALSE(all[3].certain);
  // A page ends between recipients, and the next begins after the last.
  CHECK(reader->revocations(origin, at(0), "", 1).size() == 2);
  CHECK(recipients_of(reader->revocations(origin, at(0), "bob@x.example", 1)) ==
        Names{"cy@x.example"});
  CHECK(recipients_of(reader->revocations(origin, at(2500), "", 100)) ==
        Names{"bob@x.example", "cy@x.example"});
  const auto bobs = reader->revocations_to(origin, "bob@x.example", at(0));
  REQUIRE(bobs.size() == 2);
  CHECK(bobs[0].message == first);
  CHECK(bobs[1].message == second);
  CHECK(reader->revocations_to(origin, "bob@x.example", at(2500)).size() == 1);
  CHECK(reader->revocations_to(origin, "bob", at(0)).empty());
  CHECK(reader->count_committed(origin, at(0)) == 2);
  CHECK(reader->count_committed(origin, at(2500)) == 1);

  // A later try that came to nothing does not undo that an earlier one may have arrived.
  REQUIRE(run(*store, Claim{{maybe}}, Unclaim{maybe}).ok());
  CHECK(recipients_of(reader->revocations(origin, at(0), "cy@x.example", 100)) ==
        Names{"dan@x.example"});
  deliver(*store, maybe);
  const auto now_certain = reader->revocations(origin, at(0), "cy@x.example", 100);
  REQUIRE(now_certain.size() == 1);
  CHECK(now_certain[0].certain);
}

TEST_CASE("warnings move with their cursor, and are counted per recipient") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const OriginId origin = add_origin(*store, "192.0.2.66");
  const RaisedCordon raised = raise(*store, origin, 1);
  const auto warning = [&](WarningState state, std::int64_t when) {
    return Warning{
        store->next_warning_id(), raised.alert, "bob@x.example", false, state, "why", {}, at(when)};
  };
  const Warning one = warning(WarningState::awaiting_approval, 10);
  const Warning two = warning(WarningState::pending, 20);
  const Warning no = warning(WarningState::suppressed, 30);
  REQUIRE(run(*store, AddWarnings{raised.cordon, {one, two, no}, "bob@x.example", true}).ok());
  const auto reader = store->reader();
  CHECK(reader->cordon(raised.cordon)->warning_cursor == "bob@x.example");
  CHECK(reader->cordon(raised.cordon)->warnings_done);
  // Counted are those that go out, not one that awaits a yes.
  CHECK(reader->warnings_to("bob@x.example", at(0)) == 1);
  CHECK(reader->warnings_to("bob@x.example", at(25)) == 0);
  CHECK(reader->warnings_to("ann@x.example", at(0)) == 0);
  CHECK(reader->warnings_sent(raised.alert) == 1);
  REQUIRE(run(*store, SetWarning{one.id, WarningState::queued, "approved", MessageId{7}}).ok());
  CHECK(reader->warnings_sent(raised.alert) == 2);
  const auto all = reader->warnings(raised.alert, 10);
  REQUIRE(all.size() == 3);
  CHECK(all[0].id == no.id);  // newest first
  CHECK(all[2].state == WarningState::queued);
  CHECK(all[2].notice == MessageId{7});
  CHECK(all[2].reason == "approved");
  CHECK_FALSE(all[2].certain);
  CHECK(reader->warnings(AlertId{99}, 10).empty());
  CHECK(reader->warnings(std::nullopt, 1).size() == 1);
  CHECK(run(*store, AddWarnings{CordonId{99}, {warning(WarningState::pending, 1)}, "x", false})
            .error == StoreError::fault);
  CHECK(reader->warnings(std::nullopt, 10).size() == 3);
  CHECK(run(*store, SetWarning{WarningId{999}, {}, "", {}}).error == StoreError::fault);
}

TEST_CASE("two that write the warnings of one cordon write each once") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const RaisedCordon raised = raise(*store, add_origin(*store, "192.0.2.66"), 1);
  const auto write = [&](const std::string& after, const std::string& cursor, bool done = false) {
    Warning warning;
    warning.id = store->next_warning_id();
    warning.alert = raised.alert;
    warning.recipient = cursor;
    return run(*store, AddWarnings{raised.cordon, {warning}, cursor, done, after}).error;
  };
  const auto reader = store->reader();
  CHECK(write("", "ann@x.example") == StoreError::none);
  CHECK(write("", "ann@x.example") == StoreError::fault);
  CHECK(write("ann@x.example", "bob@x.example", true) == StoreError::none);
  CHECK(write("bob@x.example", "bob@x.example", true) == StoreError::fault);
  CHECK(reader->warnings(std::nullopt, 10).size() == 2);
}

TEST_CASE("an alert is untold until its report is stored with the mark") {
  const TemporaryDirectory directory;
  auto store = directory.open();
  const RaisedCordon raised = raise(*store, add_origin(*store, "192.0.2.66"), 1);
  store.reset();
  store = directory.open();
  const auto reader = store->reader();
  REQUIRE(reader->untold_alerts().size() == 1);
  CHECK(reader->untold_alerts()[0].id == raised.alert);
  REQUIRE(run(*store, MarkTold{raised.alert}).ok());
  CHECK(reader->untold_alerts().empty());
  CHECK(run(*store, MarkTold{AlertId{99}}).error == StoreError::fault);
}

TEST_CASE("a stored alert can get another cordon, as when a mistake becomes a review") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const OriginId origin = add_origin(*store, "192.0.2.66");
  const RaisedCordon raised = raise(*store, origin, 1);
  Cordon review;
  review.id = store->next_cordon_id();
  review.kind = CordonKind::review;
  review.origin = origin;
  review.alert = raised.alert;
  REQUIRE(run(*store, LiftCordon{raised.cordon, at(5), true}, AddCordon{review}).ok());
  const auto reader = store->reader();
  CHECK(reader->alert(raised.alert)->cordon == review.id);
  REQUIRE(reader->cordons(false, 10).size() == 1);
  CHECK(reader->cordons(false, 10)[0].id == review.id);
  review.id = store->next_cordon_id();
  review.alert = AlertId{99};
  CHECK(run(*store, AddCordon{review}).error == StoreError::fault);
}

TEST_CASE("a transcript is read in order, as much of it as the reader asks for") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const RaisedCordon raised = raise(*store, add_origin(*store, "192.0.2.66"), 1);
  AddTranscript lines;
  for (const char* text : {"EHLO x", "250 y", "QUIT"}) {
    lines.lines.push_back({raised.cordon, "s1", at(4), text[0] != '2', text});
  }
  REQUIRE(run(*store, lines).ok());
  const auto got = store->reader()->transcript(raised.cordon, 2);
  REQUIRE(got.size() == 2);
  CHECK(got[0].text == "EHLO x");
  CHECK(got[0].from_client);
  CHECK(got[0].session == "s1");
  CHECK(got[0].at == at(4));
  CHECK(got[1].text == "250 y");
  CHECK_FALSE(got[1].from_client);
  CHECK(run(*store, AddTranscript{{{CordonId{99}, "s", at(1), true, "x"}}}).error ==
        StoreError::fault);
}

TEST_CASE("baits are added, listed in pages and retired") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  AddBaits add;
  for (const char* value : {"one@x.example", "two@x.example", "three@x.example"}) {
    add.baits.push_back(
        {{store->next_bait_id(), baits::BaitKind::address, value, "label"}, at(1), {}, "", 0});
  }
  REQUIRE(run(*store, add).ok());
  const BaitId second = add.baits[1].bait.id;
  REQUIRE(run(*store, RetireBaits{{second}, at(2), "found"}).ok());
  CHECK(run(*store, RetireBaits{{second}, at(3), "again"}).error == StoreError::fault);
  const auto reader = store->reader();
  std::vector<std::string> active;
  reader->active_baits([&](const BaitRow& row) { active.push_back(row.bait.value); });
  CHECK(active == std::vector<std::string>{"one@x.example", "three@x.example"});
  const auto page = reader->baits(true, add.baits[0].bait.id, 1);
  REQUIRE(page.size() == 1);
  CHECK(page[0].bait.id == second);
  CHECK(page[0].bait.label == "label");
  CHECK(page[0].retired_at == at(2));
  CHECK(page[0].retired_why == "found");
  CHECK(reader->baits(false, BaitId{}, 10).size() == 2);
}

TEST_CASE("the audit trail numbers its entries itself, newest first") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  REQUIRE(run(*store, AddAudit{{0, at(1), 1000, "ann", "queue release", "17", "why"}},
              AddAudit{{0, at(2), -1, "cordond", "bypass", "18", ""}})
              .ok());
  const auto entries = store->reader()->audit(10);
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].id == 2);
  CHECK(entries[0].uid == -1);
  CHECK(entries[1].who == "ann");
  CHECK(entries[1].action == "queue release");
  CHECK(entries[1].object == "17");
  CHECK(entries[1].detail == "why");
  CHECK(entries[1].at == at(1));
}

TEST_CASE("the mailboxes of recent mail are told, senders and recipients") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  Accept old = plain(*store);
  old.message.accepted_at = at(10);
  Accept recent = plain(*store);
  recent.message.envelope.recipients = {to("bob", "X.Example")};
  Accept null = plain(*store);
  null.message.envelope.sender = {};
  null.message.envelope.recipients = {to("ann", "y.example")};
  Accept notice = plain(*store);
  notice.message.kind = MessageKind::warning;
  REQUIRE(run(*store, old, recent, null, notice).ok());
  std::multimap<std::string, std::string> seen;
  store->reader()->seen_mailboxes(
      at(500), [&](const smtp::Mailbox& mailbox) { seen.emplace(mailbox.local, mailbox.domain); });
  CHECK(seen == std::multimap<std::string, std::string>{
                    {"ann", "y.example"}, {"bob", "X.Example"}, {"sender", "client.example"}});
}

}  // namespace
}  // namespace cordon::store
