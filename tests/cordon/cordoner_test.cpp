// The cordoner in simulated time: nothing here waits.
#include "cordon/cordoner.h"

#include <algorithm>
#include <chrono>
#include <map>

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using cordon::Cordoner;
using cordon::HoldLimits;
using cordon::OnCap;
using cordon::store::MessageId;
using cordon::store::OriginId;
using cordon::store::Uptime;
using Ids = std::vector<MessageId>;

namespace {

constexpr OriginId alice{10};
constexpr OriginId bob{11};

Uptime at(std::chrono::milliseconds time) { return Uptime{time}; }

// A cordoner with a clock that the test turns.
struct Desk {
  explicit Desk(HoldLimits limits = {}) : cordoner(limits) {}

  MessageId accept(OriginId origin, std::chrono::milliseconds period = 60s) {
    const auto admission = cordoner.admit(origin);
    const MessageId id{++last};
    cordoner.add({.id = id,
                  .origin = origin,
                  .due = now + period,
                  .clearance = admission.clearance,
                  .counted = period > 0ms},
                 now);
    return id;
  }
  Ids due() { return cordoner.take_due(now, 1000); }

  Cordoner cordoner;
  Uptime now = at(0ms);
  std::int64_t last = 0;
};

}  // namespace

TEST_CASE("a message leaves when its period is over, and not before") {
  Desk desk;
  const auto id = desk.accept(alice);
  desk.now = at(59'999ms);
  CHECK(desk.due().empty());
  CHECK(desk.cordoner.next_due() == at(60s));
  desk.now = at(60s);
  CHECK(desk.due() == Ids{id});
  CHECK(desk.due().empty());  // claimed once
  CHECK(desk.cordoner.pass_gate(id));
  desk.cordoner.settle(id);
  CHECK(desk.cordoner.counts().held == 0);
  CHECK(desk.cordoner.counts().in_flight == 0);
}

TEST_CASE("those due leave oldest first") {
  Desk desk;
  const auto late = desk.accept(alice, 30s);
  const auto early = desk.accept(bob, 10s);
  const auto middle = desk.accept(alice, 20s);
  desk.now = at(30s);
  CHECK(desk.due() == Ids{early, middle, late});
}

TEST_CASE("above an origin's cap its own oldest message is committed early, and no other's") {
  Desk desk({.max_held = 100, .max_held_per_origin = 2});
  const auto honest = desk.accept(bob);
  const auto first = desk.accept(alice);
  desk.accept(alice);
  CHECK(desk.due().empty());
  desk.accept(alice);
  CHECK(desk.due() == Ids{first});
  CHECK(desk.cordoner.counted(alice) == 2);
  CHECK(desk.cordoner.counted(bob) == 1);
  desk.now = at(60s);
  CHECK(desk.due().front() == honest);
}

TEST_CASE("above the cap for all, the origin that holds most gives way") {
  Desk desk({.max_held = 4, .max_held_per_origin = 100});
  desk.accept(bob);
  const auto first_of_flood = desk.accept(alice);
  desk.accept(alice);
  desk.accept(alice);
  desk.accept(bob);  // the fifth: bob holds two, alice three
  CHECK(desk.due() == Ids{first_of_flood});
}

TEST_CASE("with on_cap defer the new one is refused and none is pushed out") {
  Desk desk({.max_held = 10, .max_held_per_origin = 1, .on_cap = OnCap::defer});
  CHECK_FALSE(desk.cordoner.admit(alice).deferred);
  desk.accept(alice);
  CHECK(desk.cordoner.admit(alice).deferred);
  CHECK_FALSE(desk.cordoner.admit(bob).deferred);
  CHECK(desk.due().empty());
}

TEST_CASE("a message without a period does not count against the caps") {
  Desk desk({.max_held = 1, .max_held_per_origin = 1});
  desk.accept(alice, 0s);
  desk.accept(alice, 0s);
  CHECK(desk.cordoner.counted(alice) == 0);
}

TEST_CASE("raising a cordon quarantines all that is held of the origin and nothing else") {
  Desk desk;
  desk.accept(alice);
  desk.accept(alice);
  const auto other = desk.accept(bob);
  const auto raised = desk.cordoner.raise(alice);
  CHECK(raised.quarantined == 2);
  CHECK(desk.cordoner.cordoned(alice));
  CHECK(desk.cordoner.counts().quarantined == 2);
  CHECK(desk.cordoner.counts().held == 1);
  desk.now = at(60s);
  CHECK(desk.due() == Ids{other});
}

TEST_CASE("what a cordoned origin sends later is quarantined and never due") {
  Desk desk;
  desk.cordoner.raise(alice);
  CHECK(desk.cordoner.admit(alice).quarantined);
  desk.accept(alice);
  desk.now = at(24h);
  CHECK(desk.due().empty());
  CHECK(desk.cordoner.counts().quarantined == 1);
}

TEST_CASE("the gate is shut for a message that was claimed before its origin was cordoned") {
  Desk desk;
  const auto id = desk.accept(alice);
  desk.now = at(60s);
  REQUIRE(desk.due() == Ids{id});
  desk.cordoner.raise(alice);
  CHECK_FALSE(desk.cordoner.pass_gate(id));
  desk.cordoner.put_back(id, desk.now);
  CHECK(desk.cordoner.counts().quarantined == 1);
  CHECK(desk.due().empty());
}

TEST_CASE("what may still leave is known without passing the gate") {
  Desk desk;
  const auto id = desk.accept(alice);
  CHECK_FALSE(desk.cordoner.may_leave(id));  // it is not even claimed
  desk.now = at(60s);
  REQUIRE(desk.due() == Ids{id});
  CHECK(desk.cordoner.may_leave(id));
  CHECK(desk.cordoner.past_gate(alice).empty());
  const auto raised = desk.cordoner.raise(alice);
  CHECK_FALSE(desk.cordoner.may_leave(id));
  desk.cordoner.withdraw(alice, raised.epoch, raised.previous_epoch);
  CHECK(desk.cordoner.may_leave(id));
  desk.cordoner.settle(id);
  CHECK_FALSE(desk.cordoner.may_leave(id));
}

TEST_CASE("a message past the gate is known until its result is in") {
  Desk desk;
  const auto id = desk.accept(alice);
  desk.now = at(60s);
  desk.due();
  CHECK(desk.cordoner.past_gate(alice).empty());
  REQUIRE(desk.cordoner.pass_gate(id));
  CHECK(desk.cordoner.past_gate(alice) == Ids{id});
  desk.cordoner.settle(id);
  CHECK(desk.cordoner.past_gate(alice).empty());
}

TEST_CASE("a cordon between two destinations of a message keeps back the second") {
  Desk desk;
  const auto id = desk.accept(alice);
  desk.now = at(60s);
  desk.due();
  REQUIRE(desk.cordoner.pass_gate(id));
  CHECK(desk.cordoner.pass_gate(id));
  desk.cordoner.raise(alice);
  CHECK_FALSE(desk.cordoner.pass_gate(id));
  CHECK(desk.cordoner.past_gate(alice) == Ids{id});
  desk.cordoner.put_back(id, desk.now);
  CHECK(desk.cordoner.past_gate(alice).empty());
  CHECK(desk.due().empty());
}

TEST_CASE("an accept that was on its way to the disk when the cordon rose lands in quarantine") {
  Desk desk;
  const auto admission = desk.cordoner.admit(alice);  // decided before ...
  desk.cordoner.raise(alice);
  desk.cordoner.add(
      {.id = MessageId{1}, .origin = alice, .due = at(60s), .clearance = admission.clearance},
      desk.now);  // ... and stored after
  desk.now = at(60s);
  CHECK(desk.due().empty());
  CHECK(desk.cordoner.counts().quarantined == 1);
}

TEST_CASE("lifting lets new mail through and leaves the quarantine as it is") {
  Desk desk;
  desk.accept(alice);
  desk.cordoner.raise(alice);
  desk.cordoner.lift(alice);
  const auto later = desk.accept(alice);
  desk.now = at(60s);
  CHECK(desk.due() == Ids{later});
  CHECK(desk.cordoner.counts().quarantined == 1);
}

TEST_CASE("withdrawing a cordon lets go what it held, with what came while it stood") {
  Desk desk;
  const auto before = desk.accept(alice);
  const auto raised = desk.cordoner.raise(alice);
  const auto during = desk.accept(alice);
  desk.now = at(120s);
  CHECK(desk.due().empty());
  desk.cordoner.withdraw(alice, raised.epoch, raised.previous_epoch);
  CHECK(desk.cordoner.counts().held == 2);
  CHECK(desk.cordoner.counts().quarantined == 0);
  CHECK(desk.due() == Ids{before, during});
}

TEST_CASE("withdrawing a second cordon does not free what the first one holds") {
  Desk desk;
  desk.accept(alice);
  desk.cordoner.raise(alice);
  desk.cordoner.lift(alice);
  const auto between = desk.accept(alice);
  const auto second = desk.cordoner.raise(alice);
  desk.cordoner.withdraw(alice, second.epoch, second.previous_epoch);
  desk.now = at(60s);
  CHECK(desk.due() == Ids{between});
  CHECK(desk.cordoner.counts().quarantined == 1);
}

TEST_CASE("a released message passes the gate of its cordoned origin, and a later cordon's") {
  Desk desk;
  const auto id = desk.accept(alice);
  desk.cordoner.raise(alice);
  CHECK(desk.cordoner.release(id, desk.now) == Cordoner::Change::done);
  desk.cordoner.raise(alice);
  CHECK(desk.due() == Ids{id});
  CHECK(desk.cordoner.pass_gate(id));
}

TEST_CASE("a frozen message waits for its operator, whatever its age") {
  Desk desk;
  const auto id = desk.accept(alice);
  CHECK(desk.cordoner.freeze(id, true) == Cordoner::Change::done);
  desk.now = at(1h);
  CHECK(desk.due().empty());
  CHECK(desk.cordoner.freeze(id, false) == Cordoner::Change::done);
  CHECK(desk.due() == Ids{id});
}

TEST_CASE("a claimed message can be neither frozen, released nor deleted") {
  Desk desk;
  const auto id = desk.accept(alice, 0s);
  REQUIRE(desk.due() == Ids{id});
  CHECK(desk.cordoner.freeze(id, true) == Cordoner::Change::leaving);
  CHECK(desk.cordoner.release(id, desk.now) == Cordoner::Change::leaving);
  CHECK(desk.cordoner.remove(id) == Cordoner::Change::leaving);
  CHECK(desk.cordoner.remove(MessageId{99}) == Cordoner::Change::unknown);
}

TEST_CASE("a review holds an origin without quarantine, until a person ends it") {
  Desk desk;
  const auto id = desk.accept(alice);
  desk.cordoner.review(alice, true);
  desk.now = at(60s);
  CHECK(desk.due().empty());
  CHECK(desk.cordoner.counts().quarantined == 0);
  CHECK(desk.cordoner.counts().held == 1);
  desk.cordoner.review(alice, false);
  CHECK(desk.due() == Ids{id});
}

TEST_CASE("a review of all holds everyone but what a person released") {
  Desk desk;
  const auto one = desk.accept(alice);
  const auto two = desk.accept(bob);
  desk.cordoner.review(cordon::store::everything, true);
  desk.now = at(60s);
  CHECK(desk.due().empty());
  desk.cordoner.release(one, desk.now);
  CHECK(desk.due() == Ids{one});
  desk.cordoner.review(cordon::store::everything, false);
  CHECK(desk.due() == Ids{two});
}

TEST_CASE("while commits are stopped nothing is due and the gate is shut") {
  Desk desk;
  const auto id = desk.accept(alice, 0s);
  const auto other = desk.accept(bob, 0s);
  REQUIRE(desk.cordoner.take_due(desk.now, 1) == Ids{id});
  desk.cordoner.stop_commits(true);
  CHECK_FALSE(desk.cordoner.pass_gate(id));
  desk.cordoner.put_back(id, desk.now);
  CHECK(desk.due().empty());
  CHECK_FALSE(desk.cordoner.next_due().has_value());
  desk.cordoner.stop_commits(false);
  CHECK(desk.due().size() == 2);
  CHECK(desk.cordoner.pass_gate(other));
}

TEST_CASE("a retry does not count against the caps again") {
  Desk desk;
  const auto id = desk.accept(alice);
  desk.now = at(60s);
  desk.due();
  CHECK(desk.cordoner.counted(alice) == 0);
  desk.cordoner.put_back(id, at(120s));
  CHECK(desk.cordoner.counted(alice) == 0);
  desk.now = at(119s);
  CHECK(desk.due().empty());
  desk.now = at(120s);
  CHECK(desk.due() == Ids{id});
}

TEST_CASE("after a restart each message is where it was") {
  Cordoner fresh{HoldLimits{}};
  fresh.restore_epoch(5);
  fresh.restore_origin(alice, 5, true);
  fresh.restore({.id = MessageId{1}, .origin = alice, .due = at(10s), .clearance = 4});
  fresh.restore({.id = MessageId{2}, .origin = bob, .due = at(10s), .clearance = 4});
  fresh.restore(
      {.id = MessageId{3}, .origin = bob, .due = at(10s), .clearance = 4, .frozen = true});
  fresh.restore({.id = MessageId{4}, .origin = bob, .due = at(10s), .quarantined_alone = true});
  fresh.restore(
      {.id = MessageId{5}, .origin = alice, .due = at(10s), .clearance = cordon::store::released});
  CHECK(fresh.counts().quarantined == 2);
  CHECK(fresh.counts().held == 3);
  CHECK(fresh.take_due(at(10s), 100) == Ids{MessageId{2}, MessageId{5}});
  CHECK(fresh.admit(alice).quarantined);
  CHECK(fresh.admit(bob).clearance == 5);
  CHECK(fresh.raise(bob).epoch == 6);
}

TEST_CASE("raising a cordon costs the same with a million held as with one") {
  // Told by what it touches, not by the clock: none of the held messages moves until it is due.
  Desk desk({.max_held = 1'000'000, .max_held_per_origin = 1'000'000});
  for (int i = 0; i < 100'000; ++i) desk.accept(alice);
  const auto raised = desk.cordoner.raise(alice);
  CHECK(raised.quarantined == 100'000);
  CHECK(desk.cordoner.next_due() == at(60s));  // the schedule was not searched
  CHECK(desk.cordoner.counts().quarantined == 100'000);
}

TEST_CASE("a later cordon does not count as its own what a person released") {
  Desk desk;
  const auto id = desk.accept(alice);
  desk.cordoner.release(id, desk.now);
  CHECK(desk.cordoner.open(alice) == 0);
  CHECK(desk.cordoner.raise(alice).quarantined == 0);
  CHECK(desk.cordoner.counts().held == 1);
  CHECK(desk.cordoner.counts().quarantined == 0);
  REQUIRE(desk.due() == Ids{id});
  CHECK(desk.cordoner.counts().held == 0);
  // Deferred by the receiver: still released, under the next cordon too.
  desk.cordoner.put_back(id, at(60s));
  CHECK(desk.cordoner.raise(alice).quarantined == 0);
  desk.now = at(60s);
  REQUIRE(desk.due() == Ids{id});
  CHECK(desk.cordoner.counts().held == 0);
  CHECK(desk.cordoner.counts().quarantined == 0);
  CHECK(desk.cordoner.counts().in_flight == 1);
}

TEST_CASE("a withdrawal counts as free just what that cordon held") {
  Desk desk;
  desk.accept(alice);  // held by the first cordon, for good
  desk.cordoner.raise(alice);
  desk.cordoner.lift(alice);
  desk.accept(bob);
  const auto claimed = desk.accept(alice, 0s);
  REQUIRE(desk.due() == Ids{claimed});
  const auto released = desk.accept(alice);
  desk.cordoner.release(released, desk.now);
  desk.cordoner.add(
      {.id = MessageId{100}, .origin = alice, .due = at(60s), .clearance = 1, .alone = true},
      desk.now);
  const auto frozen = desk.accept(alice);
  desk.cordoner.freeze(frozen, true);

  const auto second = desk.cordoner.raise(alice);
  CHECK(second.quarantined == 1);  // the frozen one
  desk.cordoner.put_back(claimed, at(60s));
  desk.accept(alice);
  CHECK(desk.cordoner.counts().quarantined == 5);
  CHECK(desk.cordoner.counts().held == 2);  // bob's, and the released one
  desk.cordoner.withdraw(alice, second.epoch, second.previous_epoch);
  CHECK(desk.cordoner.counts().quarantined == 2);
  CHECK(desk.cordoner.counts().held == 5);
  CHECK(desk.cordoner.open(alice) == 3);
  // The figures still fit what is there when all of it is gone.
  for (int id = 1; id <= desk.last; ++id) desk.cordoner.settle(MessageId{id});
  desk.cordoner.settle(MessageId{100});
  CHECK(desk.cordoner.counts().held == 0);
  CHECK(desk.cordoner.counts().quarantined == 0);
  CHECK(desk.cordoner.open(alice) == 0);
}

TEST_CASE("one frozen message does not keep the ids of all that pass behind it") {
  Desk desk;
  desk.cordoner.freeze(desk.accept(alice), true);
  for (int i = 0; i < 1000; ++i) {
    const auto id = desk.accept(alice);
    desk.now += 60s;
    REQUIRE(desk.due() == Ids{id});
    desk.cordoner.settle(id);
  }
  CHECK(desk.cordoner.counted(alice) == 1);
  CHECK(desk.cordoner.remembered(alice) <= 19);
}

TEST_CASE("what is forgotten is never what eviction needs") {
  Desk desk({.max_held = 1000, .max_held_per_origin = 2});
  const auto oldest = desk.accept(alice, 24h);
  for (int i = 0; i < 100; ++i) {
    const auto id = desk.accept(alice);
    desk.now += 60s;
    REQUIRE(desk.due() == Ids{id});
    desk.cordoner.settle(id);
  }
  desk.accept(alice);
  desk.accept(alice);
  CHECK(desk.due() == Ids{oldest});
}

TEST_CASE("what waits in one lane keeps nothing back in another") {
  Cordoner cordoner({});
  for (std::int64_t id = 1; id <= 3; ++id)
    cordoner.add({.id = MessageId{id}, .origin = alice, .due = at(0s)}, at(0s));
  cordoner.add({.id = MessageId{4}, .origin = alice, .due = at(0s), .lane = 1}, at(0s));
  CHECK(cordoner.lanes() == 2);
  CHECK(cordoner.take_due(at(0s), 1, 0) == Ids{MessageId{1}});
  CHECK(cordoner.take_due(at(0s), 9, 1) == Ids{MessageId{4}});
  CHECK_FALSE(cordoner.next_due(1));
  // A message that is put back waits in its own lane again.
  cordoner.put_back(MessageId{4}, at(1s));
  CHECK(cordoner.next_due(1) == at(1s));
  CHECK(cordoner.take_due(at(1s), 9, 0) == Ids{MessageId{2}, MessageId{3}});
  CHECK(cordoner.take_due(at(1s), 9, 7).empty());
}

TEST_CASE("what is left of a message may go by another lane") {
  Cordoner cordoner({});
  cordoner.add({.id = MessageId{1}, .origin = alice, .due = at(0s)}, at(0s));
  REQUIRE(cordoner.take_due(at(0s), 9, 0) == Ids{MessageId{1}});
  cordoner.put_back(MessageId{1}, at(1s), {.lane = cordon::Lane{2}});
  CHECK(cordoner.take_due(at(1s), 9, 0).empty());
  CHECK(cordoner.take_due(at(1s), 9, 2) == Ids{MessageId{1}});
}

// ---- behind a closed lane

namespace {

// Messages of alice that are due at once, the first of them to be looked at last.
struct Closed {
  Closed() {
    for (std::int64_t id = 1; id <= 3; ++id)
      cordoner.add({.id = MessageId{id},
                    .origin = alice,
                    .due = at(0s),
                    .counted = false,
                    .look_by = at(100s - 10s * id)},
                   at(0s));
  }
  Ids late(std::chrono::milliseconds now, std::size_t most = 9) {
    return cordoner.take_late(at(now), most, 0);
  }
  Cordoner cordoner{HoldLimits{}};
};

}  // namespace

TEST_CASE("what is late is claimed though its lane is closed, and nothing else is") {
  Closed closed;
  CHECK(closed.late(69s).empty());
  CHECK(closed.cordoner.next_late(0) == at(70s));
  CHECK(closed.late(70s) == Ids{MessageId{3}});
  CHECK(closed.late(95s, 1) == Ids{MessageId{2}});
  CHECK(closed.late(95s) == Ids{MessageId{1}});
  CHECK(closed.late(1h).empty());
  CHECK_FALSE(closed.cordoner.next_late(0));
  CHECK(closed.cordoner.counts().in_flight == 3);
}

TEST_CASE("what was looked at is looked at again when it says, and leaves when its lane opens") {
  Closed closed;
  REQUIRE(closed.late(70s) == Ids{MessageId{3}});
  closed.cordoner.put_back(MessageId{3}, at(70s), {.look_by = at(200s)});
  REQUIRE(closed.late(90s) == Ids{MessageId{2}, MessageId{1}});
  closed.cordoner.put_back(MessageId{2}, at(90s), {.look_by = at(150s)});
  closed.cordoner.put_back(MessageId{1}, at(2h), {.look_by = at(150s)});
  CHECK(closed.late(149s).empty());
  CHECK(closed.late(150s) == Ids{MessageId{2}});  // the first is not due yet
  CHECK(closed.cordoner.next_due(0) <= at(150s));
  CHECK(closed.cordoner.take_due(at(150s), 9, 0) == Ids{MessageId{3}});
  CHECK(closed.cordoner.take_due(at(150s), 9, 0).empty());
  CHECK(closed.cordoner.take_due(at(2h), 9, 0) == Ids{MessageId{1}});
}

TEST_CASE("what may not leave is not looked at, and waits as before when it may") {
  Closed closed;
  closed.cordoner.freeze(MessageId{3}, true);
  const auto raised = closed.cordoner.raise(alice);
  CHECK(closed.late(1h).empty());
  closed.cordoner.freeze(MessageId{3}, false);
  CHECK(closed.late(1h).empty());
  closed.cordoner.withdraw(alice, raised.epoch, raised.previous_epoch);
  CHECK(closed.late(1h).size() == 3);
}

TEST_CASE("what is deleted or released behind a closed lane is not looked at as it was") {
  Closed closed;
  REQUIRE(closed.late(0s).empty());  // all wait
  closed.cordoner.remove(MessageId{2});
  closed.cordoner.release(MessageId{1}, at(5s));
  CHECK(closed.cordoner.take_due(at(5s), 9, 0) == Ids{MessageId{3}, MessageId{1}});
}

TEST_CASE("many are moved aside in steps, and none is forgotten") {
  Cordoner cordoner{HoldLimits{}};
  constexpr std::size_t many = 2500;
  for (std::size_t id = 1; id <= many; ++id)
    cordoner.add({.id = MessageId{static_cast<std::int64_t>(id)},
                  .origin = alice,
                  .due = at(0s),
                  .counted = false,
                  .look_by = at(1s)},
                 at(0s));
  std::size_t taken = 0;
  while (cordoner.next_late(0) && *cordoner.next_late(0) <= at(1s))
    taken += cordoner.take_late(at(1s), 100, 0).size();
  CHECK(taken == many);
}

TEST_CASE("while a lane opens and closes again, all that waits there is tried in its turn") {
  Cordoner cordoner{HoldLimits{}};
  for (std::int64_t id = 1; id <= 300; ++id)
    cordoner.add({.id = MessageId{id},
                  .origin = alice,
                  .due = at(0s),
                  .counted = false,
                  .look_by = at(24h + 1s * id)},
                 at(0s));
  std::map<MessageId, int> tries;
  for (int opening = 1; opening <= 6; ++opening) {
    const auto now = at(1min * opening);
    REQUIRE(cordoner.take_late(now, 100, 0).empty());
    const Ids taken = cordoner.take_due(now, 100, 0);
    for (const MessageId id : taken) ++tries[id];
    for (const MessageId id : taken) cordoner.put_back(id, now);
  }
  REQUIRE(tries.size() == 300);
  CHECK(std::all_of(tries.begin(), tries.end(), [](const auto& one) { return one.second == 2; }));
}

TEST_CASE("what a closed lane keeps back is looked at when its server may be back") {
  Closed closed;
  closed.cordoner.add(
      {.id = MessageId{4}, .origin = alice, .due = at(60s), .counted = false, .look_by = at(1h)},
      at(0s));
  closed.cordoner.freeze(MessageId{2}, true);
  REQUIRE(closed.late(1s).empty());
  closed.cordoner.servers_may_be_back(at(2s));
  CHECK(closed.late(2s) == Ids{MessageId{1}, MessageId{3}});
  closed.cordoner.put_back(MessageId{1}, at(2s), {.look_by = at(70s)});
  CHECK(closed.late(59s).empty());
  CHECK(closed.late(60s) == Ids{MessageId{4}});
  closed.cordoner.freeze(MessageId{2}, false);
  CHECK(closed.cordoner.take_due(at(61s), 9, 0) == Ids{MessageId{1}, MessageId{2}});
}

TEST_CASE("what waits for a server is due when that may be back, and no other") {
  Desk desk;
  const auto away = desk.accept(alice, 0s);
  const auto greylisted = desk.accept(alice, 0s);
  const auto held = desk.accept(alice, 60s);
  REQUIRE(desk.due() == Ids{away, greylisted});
  desk.cordoner.put_back(away, at(300s), {.for_server = true});
  desk.cordoner.put_back(greylisted, at(300s));
  desk.cordoner.servers_may_be_back(desk.now);
  CHECK(desk.due() == Ids{away});
  desk.cordoner.put_back(away, at(300s));
  desk.cordoner.servers_may_be_back(desk.now);
  CHECK(desk.due().empty());
  desk.now = at(60s);
  CHECK(desk.due() == Ids{held});
}

TEST_CASE("what a retry waits for has come: it is due at once, and nothing else is") {
  Desk desk;
  const auto id = desk.accept(alice);
  desk.now = at(60s);
  REQUIRE(desk.due() == Ids{id});
  desk.cordoner.hasten(id, desk.now);  // claimed: it is on its way
  desk.cordoner.put_back(id, at(1h));
  const auto quarantined = desk.accept(bob, 1s);
  desk.now = at(70s);
  CHECK(desk.due() == Ids{quarantined});
  desk.cordoner.put_back(quarantined, at(1h));
  desk.cordoner.raise(bob);
  desk.cordoner.hasten(id, desk.now);
  desk.cordoner.hasten(quarantined, desk.now);
  desk.cordoner.hasten(MessageId{99}, desk.now);
  CHECK(desk.due() == Ids{id});
  desk.cordoner.put_back(id, at(80s));
  desk.cordoner.hasten(id, at(1h));  // later than it is due anyhow
  CHECK(desk.cordoner.next_due() == at(80s));
}
