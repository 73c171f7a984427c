// What an alert causes, in simulated time.
#include "cordon/recovery.h"

#include <chrono>

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using cordon::Mode;
using cordon::Recovery;
using cordon::Violation;
using namespace cordon::store;

namespace {

constexpr OriginId host{10};

struct House {
  cordon::Cordoner cordoner{cordon::HoldLimits{}};
  std::int64_t ids = 0;
  Recovery recovery{cordoner,
                    {[this] { return AlertId{++ids}; }, [this] { return CordonId{++ids}; }},
                    cordon::SafetyLimits{}};

  Violation hit(std::int64_t bait = 1) const {
    Violation seen;
    seen.origin = host;
    seen.bait = BaitId{bait};
    seen.session = "s-1";
    return seen;
  }
  void hold(std::int64_t id) {
    cordoner.add({.id = MessageId{id},
                  .origin = host,
                  .due = Uptime{60s},
                  .clearance = cordoner.admit(host).clearance},
                 Uptime{0s});
  }
};

}  // namespace

TEST_CASE("a violation cordons its origin at once, and says what to store") {
  House house;
  house.hold(1);
  const auto done = house.recovery.violation(house.hit());
  CHECK(done.alert.response == Response::cordon);
  REQUIRE(done.cordon);
  CHECK(done.cordon->kind == CordonKind::enforced);
  CHECK(done.cordon->quarantined == 1);
  CHECK(done.cordon->epoch == 1);
  CHECK(done.alert.cordon == done.cordon->id);
  CHECK(house.cordoner.cordoned(host));
  CHECK(house.recovery.standing(host)->id == done.cordon->id);
}

TEST_CASE("further hits of a cordoned origin are counted, not alerted again") {
  House house;
  const auto first = house.recovery.violation(house.hit(1));
  const auto second = house.recovery.violation(house.hit(2));
  CHECK(second.repeat);
  CHECK(second.alert.id == first.alert.id);
  CHECK_FALSE(second.cordon);
}

TEST_CASE("in observe nothing is held back; a shadow cordon counts what would have been") {
  House house;
  house.hold(1);
  auto seen = house.hit();
  seen.mode = Mode::observe;
  const auto done = house.recovery.violation(seen);
  REQUIRE(done.cordon);
  CHECK(done.cordon->kind == CordonKind::shadow);
  CHECK(done.cordon->quarantined == 1);
  CHECK_FALSE(house.cordoner.cordoned(host));
  CHECK(house.cordoner.take_due(Uptime{60s}, 10).size() == 1);
  CHECK(house.recovery.violation(seen).repeat);
}

TEST_CASE("a shadow cordon does not shield an origin from enforcement elsewhere") {
  House house;
  auto seen = house.hit();
  seen.mode = Mode::observe;
  const auto shadow = house.recovery.violation(seen);
  const auto real = house.recovery.violation(house.hit());
  REQUIRE(real.cordon);
  CHECK(real.cordon->kind == CordonKind::enforced);
  CHECK(real.replaced == shadow.cordon->id);
}

TEST_CASE("a bounce to a bait keeps back that message alone") {
  House house;
  auto seen = house.hit();
  seen.automatic_sender = true;
  const auto done = house.recovery.violation(seen);
  CHECK(done.alert.response == Response::quarantine_message);
  CHECK(done.quarantine_message);
  CHECK_FALSE(done.cordon);
  CHECK_FALSE(house.cordoner.cordoned(host));
  // The same bounce again within the hour is the same alert; the message is kept back all the same.
  const auto again = house.recovery.violation(seen);
  CHECK(again.repeat);
  CHECK(again.quarantine_message);
  seen.up = Uptime{2h};
  CHECK_FALSE(house.recovery.violation(seen).repeat);
}

TEST_CASE("bounces to three different baits put the origin under review") {
  House house;
  house.hold(1);
  for (int bait = 1; bait <= 3; ++bait) {
    auto seen = house.hit(bait);
    seen.automatic_sender = true;
    const auto done = house.recovery.violation(seen);
    CHECK(done.quarantine_message);
    CHECK(done.cordon.has_value() == (bait == 3));
  }
  CHECK(house.recovery.standing(host)->kind == CordonKind::review);
  CHECK(house.cordoner.take_due(Uptime{60s}, 10).empty());
  CHECK(house.cordoner.counts().quarantined == 0);
  REQUIRE(house.recovery.lift(house.recovery.standing(host)->id, false));
  CHECK(house.cordoner.take_due(Uptime{60s}, 10).size() == 1);
}

TEST_CASE("an automatic reply found out by its header takes the cordon back") {
  House house;
  house.hold(1);
  const auto done = house.recovery.violation(house.hit());
  const auto less = house.recovery.automatic_reply(done.alert, house.hit());
  REQUIRE(less);
  CHECK(less->cordon == done.cordon->id);
  CHECK(less->response == Response::quarantine_message);
  CHECK_FALSE(house.cordoner.cordoned(host));
  CHECK(house.cordoner.take_due(Uptime{60s}, 10).size() == 1);
}

TEST_CASE("an automatic reply from an origin under an older cordon changes nothing") {
  House house;
  const auto done = house.recovery.violation(house.hit(1));
  auto other = done.alert;
  other.id = AlertId{999};
  CHECK_FALSE(house.recovery.automatic_reply(other, house.hit()));
  CHECK(house.cordoner.cordoned(host));
}

TEST_CASE("a second, honest-looking use of a bait keeps the cordon although one was automatic") {
  House house;
  const auto done = house.recovery.violation(house.hit(1));
  house.recovery.violation(house.hit(2));  // counted into the same cordon
  CHECK_FALSE(house.recovery.automatic_reply(done.alert, house.hit(1)));
  CHECK(house.cordoner.cordoned(host));
}

TEST_CASE(
    "the eleventh cordon in an hour becomes a review of all, and later ones may cordon again") {
  House house;
  for (int i = 0; i < 10; ++i) {
    auto seen = house.hit();
    seen.origin = OriginId{100 + i};
    REQUIRE(house.recovery.violation(seen).alert.response == Response::cordon);
  }
  auto seen = house.hit();
  seen.origin = OriginId{200};
  const auto done = house.recovery.violation(seen);
  REQUIRE(done.cordon);
  CHECK(done.cordon->kind == CordonKind::review);
  CHECK(done.cordon->origin == everything);
  CHECK(house.recovery.review_of_all());
  CHECK_FALSE(house.cordoner.cordoned(OriginId{200}));
  seen.origin = OriginId{201};
  seen.up = Uptime{61min};
  CHECK(house.recovery.violation(seen).alert.response == Response::cordon);
}

TEST_CASE("an operator's cordon takes the place of a review, and cannot be raised twice") {
  House house;
  for (int bait = 1; bait <= 3; ++bait) {
    auto seen = house.hit(bait);
    seen.automatic_sender = true;
    house.recovery.violation(seen);
  }
  const auto review = house.recovery.standing(host);
  const auto done = house.recovery.cordon(host, "seen by a person", {}, {});
  REQUIRE(done.cordon);
  CHECK(done.replaced == review->id);
  CHECK(done.alert.place == ViolationPlace::by_operator);
  CHECK(house.cordoner.cordoned(host));
  CHECK(house.recovery.cordon(host, "again", {}, {}).repeat);
}

TEST_CASE("lifting ends the cordon once") {
  House house;
  const auto done = house.recovery.violation(house.hit());
  CHECK(house.recovery.lift(done.cordon->id, false));
  CHECK_FALSE(house.recovery.lift(done.cordon->id, false));
  CHECK_FALSE(house.recovery.standing(host));
  CHECK_FALSE(house.cordoner.cordoned(host));
  // The next use of a bait is a first use again.
  CHECK_FALSE(house.recovery.violation(house.hit()).repeat);
}

TEST_CASE("after a restart a standing cordon takes further hits") {
  House house;
  Cordon cordon;
  cordon.id = CordonId{7};
  cordon.alert = AlertId{6};
  cordon.origin = host;
  house.cordoner.restore_origin(host, 1, true);
  house.recovery.restore(cordon);
  const auto done = house.recovery.violation(house.hit());
  CHECK(done.repeat);
  CHECK(done.alert.id == AlertId{6});
  CHECK(done.alert.cordon == CordonId{7});
}
