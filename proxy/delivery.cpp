#include "proxy/delivery.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <boost/asio/post.hpp>

#include "cordon/retry.h"
#include "proxy/log.h"

namespace cordon::proxy {

using store::RecipientState;

namespace {

bool any_is(const Attempt& attempt, RecipientState state) {
  return std::any_of(attempt.fates.begin(), attempt.fates.end(),
                     [state](const Fate& fate) { return fate.state == state; });
}

}  // namespace

// The content with the envelope, if it is short: a look into the store less for most mail. If it
// cannot be read the attempt fails where it asks for content, and counts.
void Delivery::start() {
  committer_.readers_.post(
      [self = shared_from_this()](store::Reader& reader) {
        auto view = reader.message(self->id_);
        std::string content;
        if (view && view->message.octets <= store::max_body_piece)
          content = front_of_content(reader, self->id_, view->message.octets);
        boost::asio::post(self->committer_.context_,
                          [self, view = std::move(view), content = std::move(content)]() mutable {
                            self->on_read(std::move(view), std::move(content));
                          });
      },
      [self = shared_from_this()] {
        boost::asio::post(self->committer_.context_, [self] { self->on_read(std::nullopt, {}); });
      });
}

void Delivery::on_read(std::optional<store::MessageView> view, std::string content) {
  if (!view) {
    log::error("delivery.unreadable", {{"id", id_}});
    return give_back(committer_.gateway_.clock().now() + std::chrono::minutes(1), {});
  }
  view_ = std::move(*view);
  if (!content.empty()) whole_ = std::make_shared<const std::string>(std::move(content));
  const auto matcher = committer_.gateway_.matcher();
  for (const auto& recipient : view_.recipients) {
    if (recipient.state != RecipientState::pending) continue;
    // A bait is never sent upstream: not when a person released its message, and not in our own.
    if (matcher->match(view_.message.envelope.recipients[recipient.index].mailbox))
      attempt_.fates.push_back({.index = recipient.index, .state = RecipientState::suppressed});
    else
      which_.push_back(recipient.index);
  }
  if (which_.empty()) return conclude({});
  if (in_wrong_lane()) return give_back(committer_.gateway_.clock().now(), {});
  if (untried_ && goes_one_way()) return look();
  send();
}

// What waits for a server that is away: its sender may be to be told, or its time over. Else it has
// had no attempt.
void Delivery::look() {
  const auto now = committer_.gateway_.clock().now();
  const bool untold = std::any_of(which_.begin(), which_.end(), [&](std::size_t index) {
    return !view_.recipients.at(index).delay_told;
  });
  if (now < end_of_life() && !(untold && is_late(now)))
    return give_back(now, {.look_by = look_by(now)});
  Dispatched looked = all_with(*untried_);
  looked.waits_for = route_of_rest();
  on_sent(std::move(looked));
}

Dispatched Delivery::all_with(const smtp::Reply& reply) const {
  Dispatched left{.tried = true};
  for (const std::size_t index : which_)
    left.fates.push_back({.index = static_cast<std::uint32_t>(index), .reply = reply});
  return left;
}

void Delivery::send() {
  Login login;
  if (!view_.message.login.empty()) {
    auto [credentials, unreadable] = committer_.gateway_.credentials().open(id_, view_.sealed);
    if (unreadable)
      return on_sent(all_with({451, {4, 3, 0}, "Its credentials cannot be read now"}));
    if (credentials) login = std::make_shared<const smtp::Credentials>(std::move(*credentials));
  }
  const auto dispatch = std::make_shared<Dispatch>(
      committer_, view_, which_, whole_, std::move(login),
      [self = shared_from_this()](std::vector<Fate> fates) { self->on_part(std::move(fates)); },
      [self = shared_from_this()](Dispatched sent) { self->on_sent(std::move(sent)); });
  dispatch->start();
}

// ---- what became of it

void Delivery::on_part(std::vector<Fate> fates) {
  gather(std::move(fates));
  record_delivered();
}

void Delivery::on_sent(Dispatched sent) {
  gather(std::exchange(sent.fates, {}));
  if (!recording_) return conclude(sent);
  sent_ = std::move(sent);
}

void Delivery::gather(std::vector<Fate> fates) {
  std::move(fates.begin(), fates.end(), std::back_inserter(attempt_.fates));
}

// One batch at a time, so that they stay in order whatever the store refuses: who ends meanwhile
// goes with the next.
void Delivery::record_delivered() {
  if (recording_) return;
  Recording::Entry entry{.attempt = {.at = wall_now()}, .claim_stands = true};
  const auto delivered = std::stable_partition(
      attempt_.fates.begin(), attempt_.fates.end(),
      [](const Fate& fate) { return fate.state != RecipientState::delivered; });
  std::move(delivered, attempt_.fates.end(), std::back_inserter(entry.attempt.fates));
  attempt_.fates.erase(delivered, attempt_.fates.end());
  if (entry.attempt.fates.empty()) return;
  recording_ = true;
  count_delivered();
  record(std::move(entry), [self = shared_from_this()] {
    self->recording_ = false;
    if (self->sent_) return self->conclude(*self->sent_);
    self->record_delivered();
  });
}

// A message counts once in an attempt, whatever its destinations are.
void Delivery::count_delivered() {
  if (!std::exchange(any_delivered_, true))
    committer_.gateway_.counters().committed.fetch_add(1, std::memory_order_relaxed);
}

void Delivery::record(Recording::Entry entry, std::function<void()> done) {
  std::make_shared<Recording>(committer_, view_, whole_, std::move(entry), std::move(done))
      ->start();
}

void Delivery::conclude(const Dispatched& sent) {
  const auto now = committer_.gateway_.clock().now();
  if (any_is(attempt_, RecipientState::delivered)) count_delivered();
  const bool any_settled = any_delivered_ || any_is(attempt_, RecipientState::failed);
  if (sent.stopped && !sent.in_doubt && !any_settled) return give_back(now, {});
  attempt_.at = wall_now();
  attempt_.tried = sent.tried;
  std::optional<store::Uptime> due;
  if (any_is(attempt_, RecipientState::pending)) {
    due = sent.stopped ? now : next_try(now, sent);
    if (!due) give_up();
    if (due && !sent.stopped) mark_late(now, *due);
  }
  auto& counters = committer_.gateway_.counters();
  if (due) counters.deferred.fetch_add(1, std::memory_order_relaxed);
  if (!due && !any_delivered_) counters.failed.fetch_add(1, std::memory_order_relaxed);
  // By several ways: when it is due, whatever its lane is.
  const bool at_due = due && *due > now && !goes_one_way();
  const Cordoner::Stay stay{.look_by = at_due ? *due : look_by(now),
                            .for_server = sent.closed_until.has_value()};
  // In the order of the envelope, whoever ended first.
  std::sort(attempt_.fates.begin(), attempt_.fates.end(),
            [](const Fate& a, const Fate& b) { return a.index < b.index; });
  // Without an answer to the final dot it may have arrived (RFC 5321 4.5.3.2.6).
  record({.attempt = attempt_, .due = due, .in_doubt = sent.in_doubt},
         [self = shared_from_this(), due, stay, needs = sent.needs_credentials] {
           self->end(due, stay);
           if (due && needs) self->forget_credentials();
         });
}

store::Uptime Delivery::end_of_life() const {
  const auto& delivery = committer_.gateway_.config()->settings().delivery;
  return view_.message.accepted_up + delivery.queue_lifetime;
}

store::Uptime Delivery::look_by(store::Uptime now) const {
  return next_look(committer_.gateway_.config()->retry_plan(), view_.message.accepted_up, now);
}

bool Delivery::may_leave() {
  return committer_.gateway_.with_policy(
      [&](Policy& policy) { return policy.cordoner.may_leave(id_); });
}

// nullopt at the end of the queue lifetime. The last try is at its end, and what a period or a
// review held for longer than that still gets a second one. What policy holds back by now does not
// come to its end: it is in quarantine, and nobody is told.
std::optional<store::Uptime> Delivery::next_try(store::Uptime now, const Dispatched& sent) {
  const auto config = committer_.gateway_.config();
  const double chance = std::uniform_real_distribution<>(0, 1)(committer_.random_);
  auto due = sent.closed_until.value_or(
      now + retry_delay(config->retry_plan(), view_.message.attempts + 1, chance));
  // It is not the message that waits but its lane: as soon as that is open, also by a reload.
  if (!sent.waits_for.empty()) due = now;
  const auto end = end_of_life();
  if (due < end) return due;
  if (now < end) return end;
  if (view_.message.attempts == 0 || !may_leave()) return due;
  return std::nullopt;
}

// After a restart all mail is in its listener's lane, after a reload in that of a route of old.
bool Delivery::in_wrong_lane() const {
  return committer_.gateway_.with_policy(
      [&](Policy& policy) { return policy.lane_of(route_of_rest()) != lane_; });
}

// The recipients that are still open, by index.
std::vector<std::size_t> Delivery::rest() const {
  std::vector<std::size_t> open;
  for (const Fate& fate : attempt_.fates)
    if (fate.state == RecipientState::pending) open.push_back(fate.index);
  return open.empty() ? which_ : open;
}

std::string Delivery::route_of(std::size_t index) const {
  const auto& recipients = view_.message.envelope.recipients;
  const std::string_view domain =
      index < recipients.size() ? std::string_view(recipients[index].mailbox.domain) : "";
  return committer_.gateway_.config()->route_of(view_.message.listener, domain);
}

// Of the first recipient that is still open; what is left of a message goes by its lane.
std::string Delivery::route_of_rest() const {
  const auto open = rest();
  return route_of(open.empty() ? 0 : open.front());
}

bool Delivery::goes_one_way() const {
  if (!committer_.gateway_.config()->has_routes_by_recipient()) return true;
  const std::string first = route_of_rest();
  const auto open = rest();
  return std::all_of(open.begin(), open.end(),
                     [&](std::size_t index) { return route_of(index) == first; });
}

void Delivery::give_up() {
  for (Fate& fate : attempt_.fates) {
    if (fate.state != RecipientState::pending) continue;
    fate.state = RecipientState::failed;
    fate.expired = true;
  }
}

bool Delivery::is_late(store::Uptime now) {
  const auto limit = committer_.gateway_.config()->settings().delivery.delay_notice;
  return limit != Seconds(0) && now >= view_.message.accepted_up + limit && may_leave();
}

void Delivery::mark_late(store::Uptime now, store::Uptime due) {
  if (!is_late(now)) return;
  attempt_.will_retry_until = attempt_.at + (std::max(end_of_life(), due) - now);
  for (Fate& fate : attempt_.fates)
    fate.late =
        fate.state == RecipientState::pending && !view_.recipients.at(fate.index).delay_told;
}

// ---- the end

// When the message is back in the schedule, and not before: its user may log in at any time, and it
// is then made due (proxy/login_renewal.h). Who did so during the attempt found it claimed.
void Delivery::forget_credentials() {
  log::warn("message.needs_credentials", {{"id", id_}});
  auto& gateway = committer_.gateway_;
  gateway.credentials().forget(id_, view_.sealed, [&gateway, id = id_] {
    const auto now = gateway.clock().now();
    gateway.with_policy([&](Policy& policy) { policy.cordoner.hasten(id, now); });
    gateway.wake();
  });
}

void Delivery::give_back(store::Uptime due, const Cordoner::Stay& stay) {
  store::Batch batch;
  batch.push_back(store::Unclaim{id_});
  committer_.keep_trying(std::move(batch), id_,
                         [self = shared_from_this(), due, stay](bool) { self->end(due, stay); });
}

void Delivery::end(std::optional<store::Uptime> due, const Cordoner::Stay& stay) {
  committer_.gateway_.with_policy([&](Policy& policy) {
    if (!due) return policy.cordoner.settle(id_);
    Cordoner::Stay rest = stay;
    rest.lane = policy.lane_of(route_of_rest());
    policy.cordoner.put_back(id_, *due, rest);
  });
  committer_.ended(lane_, !untried_);
}

}  // namespace cordon::proxy
