// What an alert causes, in simulated time.
#include "cordon/recovery.h"

#include <chrono>
#include <vector>

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
  // Three bounces to different baits.
  CordonId put_under_review() {
    for (int bait = 1; bait <= 3; ++bait) {
      auto seen = hit(bait);
      seen.automatic_sender = true;
      recovery.violation(seen);
    }
    REQUIRE(recovery.standing(host)->kind == CordonKind::review);
    return recovery.standing(host)->id;
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

TEST_CASE("a review of an origin does not shield it from the cordon that it earns") {
  House house;
  house.hold(1);
  const auto review = house.put_under_review();
  const auto done = house.recovery.violation(house.hit(1));
  CHECK(done.alert.response == Response::cordon);
  CHECK(done.replaced == review);
  REQUIRE(done.cordon);
  CHECK(done.cordon->kind == CordonKind::enforced);
  CHECK(done.cordon->quarantined == 1);
  CHECK(house.cordoner.cordoned(host));
  CHECK(house.recovery.enforced() == 1);
}

TEST_CASE("under a review, what proves nothing stays a count") {
  House house;
  const auto review = house.put_under_review();
  auto bounce = house.hit(4);
  bounce.automatic_sender = true;
  CHECK(house.recovery.violation(bounce).repeat);
  auto shared = house.hit(5);
  shared.shared_origin = true;
  CHECK(house.recovery.violation(shared).repeat);
  auto watched = house.hit(6);
  watched.mode = Mode::hold;
  CHECK(house.recovery.violation(watched).repeat);
  CHECK(house.recovery.standing(host)->id == review);
}

TEST_CASE("an automatic reply does not end the review that its cordon took the place of") {
  House house;
  house.hold(1);
  house.put_under_review();
  const auto done = house.recovery.violation(house.hit(1));
  REQUIRE(done.cordon);
  const auto less = house.recovery.automatic_reply(done.alert, house.hit(1));
  REQUIRE(less);
  REQUIRE(less->review);
  CHECK(less->review->kind == CordonKind::review);
  CHECK(house.recovery.standing(host)->id == less->review->id);
  CHECK(house.cordoner.take_due(Uptime{60s}, 10).empty());
  CHECK(house.cordoner.counts().quarantined == 0);
}

TEST_CASE("under a review of all a hit keeps back its message, and is alerted once an hour") {
  House house;
  Cordon review;
  review.id = CordonId{900};
  review.kind = CordonKind::review;
  review.origin = everything;
  house.recovery.restore(review);
  auto none = cordon::SafetyLimits{};
  none.max_cordons_per_hour = 0;
  house.recovery.set_limits(none);
  const auto first = house.recovery.violation(house.hit());
  CHECK(first.alert.response == Response::review);
  CHECK(first.quarantine_message);
  CHECK_FALSE(first.replaced);
  const auto again = house.recovery.violation(house.hit());
  CHECK(again.repeat);
  CHECK(again.quarantine_message);
  CHECK(again.alert.id == first.alert.id);
  CHECK(house.recovery.review_of_all());
}

TEST_CASE("under a review of all a bounce to a bait does not shield from its next, honest use") {
  House house;
  Cordon review;
  review.id = CordonId{900};
  review.kind = CordonKind::review;
  review.origin = everything;
  house.recovery.restore(review);
  auto bounce = house.hit();
  bounce.automatic_sender = true;
  house.recovery.violation(bounce);
  CHECK(house.recovery.violation(house.hit()).alert.response == Response::cordon);
}

TEST_CASE("later replies of an answering program to one bait are told with the first") {
  House house;
  const auto first = house.recovery.violation(house.hit());
  const auto less = house.recovery.automatic_reply(first.alert, house.hit());
  REQUIRE(less);
  CHECK_FALSE(less->same_as);

  // At RCPT it looks like any other hit, so it cordons; only the telling is folded.
  const auto second = house.recovery.violation(house.hit());
  CHECK(second.alert.response == Response::cordon);
  const auto folded = house.recovery.automatic_reply(second.alert, house.hit());
  REQUIRE(folded);
  REQUIRE(folded->same_as);
  CHECK(folded->same_as->id == first.alert.id);
  CHECK(folded->same_as->response == Response::quarantine_message);
  CHECK(folded->same_as->cordon == CordonId{});  // that one is withdrawn

  const auto other = house.recovery.violation(house.hit(2));
  CHECK_FALSE(house.recovery.automatic_reply(other.alert, house.hit(2))->same_as);
  auto late = house.hit();
  late.up = Uptime{61min};
  const auto next = house.recovery.violation(late);
  CHECK_FALSE(house.recovery.automatic_reply(next.alert, late)->same_as);
}

TEST_CASE("a use of the bait that is no reply cordons for good after one that was") {
  House house;
  const auto first = house.recovery.violation(house.hit());
  house.recovery.automatic_reply(first.alert, house.hit());
  const auto done = house.recovery.violation(house.hit());
  CHECK_FALSE(done.repeat);
  CHECK(done.alert.response == Response::cordon);
  CHECK(house.cordoner.cordoned(host));
}

TEST_CASE("a review that automatic replies bring about is told, whatever went before") {
  House house;
  for (int bait : {1, 2, 3}) {
    const auto done = house.recovery.violation(house.hit(bait));
    const auto less = house.recovery.automatic_reply(done.alert, house.hit(bait));
    REQUIRE(less);
    CHECK_FALSE(less->same_as);
    CHECK(less->review.has_value() == (bait == 3));
  }
}

TEST_CASE("an operator's cordons leave violations their hourly allowance") {
  House house;
  for (int i = 0; i < 10; ++i) house.recovery.cordon(OriginId{100 + i}, "by hand", {}, {});
  CHECK(house.recovery.enforced() == 10);
  CHECK(house.recovery.violation(house.hit()).alert.response == Response::cordon);
}

TEST_CASE("a withdrawn cordon gives back its own place in the hour, not another's") {
  House house;
  auto limits = cordon::SafetyLimits{};
  limits.max_cordons_per_hour = 2;
  house.recovery.set_limits(limits);
  const auto reply = house.recovery.violation(house.hit());
  auto other = house.hit();
  other.origin = OriginId{11};
  other.up = Uptime{30min};
  house.recovery.violation(other);
  auto read = house.hit();
  read.up = Uptime{31min};
  REQUIRE(house.recovery.automatic_reply(reply.alert, read));
  auto third = house.hit();
  third.origin = OriginId{12};
  third.up = Uptime{61min};
  CHECK(house.recovery.violation(third).alert.response == Response::cordon);
  third.origin = OriginId{13};  // those of minutes 30 and 61
  CHECK(house.recovery.violation(third).alert.response == Response::review);
}

TEST_CASE(
    "of two cordons that a crash left for one origin, the enforced or else the newer stands") {
  Cordon enforced;
  enforced.id = CordonId{7};
  enforced.alert = AlertId{6};
  enforced.origin = host;
  Cordon review = enforced;
  review.id = CordonId{9};
  review.alert = AlertId{8};
  review.kind = CordonKind::review;
  Cordon shadow = enforced;
  shadow.id = CordonId{5};
  shadow.alert = AlertId{4};
  shadow.kind = CordonKind::shadow;

  const auto standing = [](const std::vector<Cordon>& cordons) {
    House house;
    for (const auto& cordon : cordons) house.recovery.restore(cordon);
    CHECK(house.recovery.enforced() ==
          (house.recovery.standing(host)->kind == CordonKind::enforced ? 1 : 0));
    return house.recovery.standing(host)->id;
  };
  CHECK(standing({review, enforced}) == enforced.id);
  CHECK(standing({enforced, review}) == enforced.id);
  CHECK(standing({enforced, shadow}) == enforced.id);
  CHECK(standing({review, shadow}) == review.id);
  CHECK(standing({shadow, review}) == review.id);
}

TEST_CASE("a review that gave way at restart does not hold the origin when the cordon is lifted") {
  House house;
  Cordon cordon;
  cordon.id = CordonId{9};
  cordon.origin = host;
  cordon.kind = CordonKind::review;
  house.recovery.restore(cordon);
  cordon.id = CordonId{7};
  cordon.kind = CordonKind::enforced;
  house.recovery.restore(cordon);
  REQUIRE(house.recovery.lift(CordonId{7}, false));
  house.hold(1);
  CHECK(house.cordoner.take_due(Uptime{60s}, 10).size() == 1);
}

TEST_CASE("a restart does not give a fresh allowance of cordons for the hour") {
  House house;
  for (int i = 0; i < 10; ++i) {
    Cordon cordon;
    cordon.id = CordonId{500 - i};  // newest first, as the store lists them
    cordon.origin = OriginId{100 + i};
    cordon.raised_up = Uptime{50min - i * 1min};
    house.recovery.restore(cordon, Uptime{60min});
  }
  auto seen = house.hit();
  seen.up = Uptime{60min};
  CHECK(house.recovery.violation(seen).alert.response == Response::review);
  seen.up = Uptime{101min};  // the one of minute 41 is an hour old
  seen.origin = OriginId{11};
  CHECK(house.recovery.violation(seen).alert.response == Response::cordon);
}

TEST_CASE("cordons more than an hour old at a restart leave the allowance whole") {
  House house;
  for (int i = 0; i < 10; ++i) {
    Cordon cordon;
    cordon.id = CordonId{500 + i};
    cordon.origin = OriginId{100 + i};
    house.recovery.restore(cordon, Uptime{60min});
  }
  auto seen = house.hit();
  seen.up = Uptime{60min};
  CHECK(house.recovery.violation(seen).alert.response == Response::cordon);
}

TEST_CASE("an automatic reply does not take back a cordon of before the restart") {
  House house;
  Cordon cordon;
  cordon.id = CordonId{7};
  cordon.alert = AlertId{6};
  cordon.origin = host;
  house.cordoner.restore_origin(host, 1, true);
  house.recovery.restore(cordon);
  Alert alert;
  alert.id = AlertId{6};
  CHECK_FALSE(house.recovery.automatic_reply(alert, house.hit()));
  const auto again = house.recovery.violation(house.hit());
  CHECK_FALSE(house.recovery.automatic_reply(again.alert, house.hit()));
  CHECK(house.cordoner.cordoned(host));
}
