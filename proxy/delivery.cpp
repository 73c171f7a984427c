#include "proxy/delivery.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "cordon/retry.h"
#include "proxy/bait_masking.h"
#include "proxy/log.h"
#include "proxy/sender_report.h"

namespace cordon::proxy {

using store::RecipientState;

namespace {

// Empty if it cannot be read: the attempt then fails where it asks for content, and counts.
std::string content_of(store::Reader& reader, store::MessageId id, std::uint64_t octets) {
  std::string content(static_cast<std::size_t>(octets), '\0');
  try {
    for (std::size_t at = 0; at < content.size();) {
      const std::size_t got = reader.body(id, at, std::span(content).subspan(at));
      if (got == 0) content.resize(at);
      at += got;
    }
  } catch (const std::runtime_error&) {
    content.clear();
  }
  return content;
}

RecipientState state_of(smtp::Outcome outcome) {
  switch (outcome) {
    case smtp::Outcome::delivered:
      return RecipientState::delivered;
    case smtp::Outcome::failed:
      return RecipientState::failed;
    case smtp::Outcome::deferred:
      return RecipientState::pending;
  }
  return RecipientState::pending;
}

std::string_view word_of(RecipientState state) {
  switch (state) {
    case RecipientState::delivered:
      return "delivered";
    case RecipientState::pending:
      return "deferred";
    case RecipientState::suppressed:
      return "suppressed";
    case RecipientState::failed:
      return "failed";
  }
  return "";
}

// What stays on record of it.
std::string words_of(const Fate& fate) {
  if (fate.state == RecipientState::suppressed) return "bait";
  if (!fate.expired) return fate.reply.one_line();
  return "451 4.4.7 Not delivered within queue_lifetime; last: " + fate.reply.one_line();
}

bool any_is(const Attempt& attempt, RecipientState state) {
  return std::any_of(attempt.fates.begin(), attempt.fates.end(),
                     [state](const Fate& fate) { return fate.state == state; });
}

}  // namespace

// The content with the envelope, if it is short: a look into the store less for most mail.
void Delivery::start() {
  committer_.readers_.post(
      [self = shared_from_this()](store::Reader& reader) {
        auto view = reader.message(self->id_);
        std::string content;
        if (view && view->message.octets <= store::max_body_piece)
          content = content_of(reader, self->id_, view->message.octets);
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
    store::Batch batch;
    batch.push_back(store::Unclaim{id_});
    return submit(std::move(batch), committer_.gateway_.clock().now() + std::chrono::minutes(1));
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
  attempt_.at = wall_now();
  attempt_.tried = !which_.empty();
  if (which_.empty()) return conclude(std::nullopt, false);
  if (in_wrong_lane()) {
    store::Batch batch;
    batch.push_back(store::Unclaim{id_});
    return submit(std::move(batch), committer_.gateway_.clock().now());
  }
  send();
}

void Delivery::send() {
  const auto dispatch = std::make_shared<Dispatch>(
      committer_, view_, which_, whole_,
      [self = shared_from_this()](const Dispatched& sent) { self->on_sent(sent); });
  dispatch->start();
}

// ---- what became of it

void Delivery::on_sent(const Dispatched& sent) {
  const auto now = committer_.gateway_.clock().now();
  for (std::size_t i = 0; i < which_.size(); ++i)
    attempt_.fates.push_back({.index = static_cast<std::uint32_t>(which_[i]),
                              .state = state_of(sent.results[i].outcome),
                              .reply = sent.results[i].reply,
                              .heard_from = sent.heard_from[i],
                              .dsn_passed_on = sent.dsn_passed_on[i]});
  const bool any_settled =
      any_is(attempt_, RecipientState::delivered) || any_is(attempt_, RecipientState::failed);
  if (sent.stopped && !sent.in_doubt && !any_settled) {
    store::Batch batch;
    batch.push_back(store::Unclaim{id_});
    return submit(std::move(batch), now);
  }
  attempt_.at = wall_now();
  attempt_.tried = sent.tried;
  if (!any_is(attempt_, RecipientState::pending)) return conclude(std::nullopt, false);
  const auto due = sent.stopped ? now : next_try(now, sent);
  if (!due) give_up();
  if (due && !sent.stopped) mark_late(now, *due);
  // Without an answer to the final dot it may have arrived (RFC 5321 4.5.3.2.6).
  conclude(due, sent.in_doubt);
}

store::Uptime Delivery::end_of_life() const {
  const auto& delivery = committer_.gateway_.config()->settings().delivery;
  return view_.message.accepted_up + delivery.queue_lifetime;
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

// Of the first recipient that is still open; what is left of a message goes by its lane.
std::string Delivery::route_of_rest() const {
  const auto open = std::find_if(attempt_.fates.begin(), attempt_.fates.end(),
                                 [](const Fate& f) { return f.state == RecipientState::pending; });
  const auto& recipients = view_.message.envelope.recipients;
  const std::size_t first = which_.empty() ? 0 : which_.front();
  const std::size_t index = open != attempt_.fates.end() ? open->index : first;
  const std::string_view domain =
      index < recipients.size() ? std::string_view(recipients[index].mailbox.domain) : "";
  return committer_.gateway_.config()->route_of(view_.message.listener, domain);
}

void Delivery::give_up() {
  for (Fate& fate : attempt_.fates) {
    if (fate.state != RecipientState::pending) continue;
    fate.state = RecipientState::failed;
    fate.expired = true;
  }
}

void Delivery::mark_late(store::Uptime now, store::Uptime due) {
  const auto limit = committer_.gateway_.config()->settings().delivery.delay_notice;
  if (limit == Seconds(0) || now < view_.message.accepted_up + limit || !may_leave()) return;
  attempt_.will_retry_until = attempt_.at + (std::max(end_of_life(), due) - now);
  for (Fate& fate : attempt_.fates)
    fate.late =
        fate.state == RecipientState::pending && !view_.recipients.at(fate.index).delay_told;
}

// ---- recording it

void Delivery::conclude(std::optional<store::Uptime> due, bool in_doubt) {
  const auto config = committer_.gateway_.config();
  const auto octets = original_wanted(*config, view_, attempt_);
  report_due_ = octets != 0;
  if (!report_due_) return record(due, in_doubt);
  if (whole_) {
    original_ = whole_->substr(0, octets);
    return record(due, in_doubt);
  }
  read_original(octets,
                [self = shared_from_this(), due, in_doubt] { self->record(due, in_doubt); });
}

void Delivery::read_original(std::uint64_t octets, const std::function<void()>& then) {
  committer_.readers_.post(
      [self = shared_from_this(), octets, then](store::Reader& reader) {
        std::string content =
            content_of(reader, self->id_, std::min(octets, self->view_.message.octets));
        boost::asio::post(self->committer_.context_,
                          [self, then, content = std::move(content)]() mutable {
                            self->original_ = std::move(content);
                            then();
                          });
      },
      [self = shared_from_this(), then] { boost::asio::post(self->committer_.context_, then); });
}

void Delivery::record(std::optional<store::Uptime> due, bool in_doubt) {
  log_fates();
  const bool delivered = any_is(attempt_, RecipientState::delivered);
  auto& counters = committer_.gateway_.counters();
  if (delivered) counters.committed.fetch_add(1, std::memory_order_relaxed);
  if (due) counters.deferred.fetch_add(1, std::memory_order_relaxed);
  if (!due && !delivered) counters.failed.fetch_add(1, std::memory_order_relaxed);

  store::Batch batch;
  if (report_due_) report(batch);
  // While some are pending only those are in doubt. At the end of its lifetime all without a result
  // are, and must be marked before they are settled.
  if (in_doubt && !due) batch.push_back(store::MarkUncertain{id_});
  batch.push_back(to_be_recorded(due.value_or(committer_.gateway_.clock().now())));
  if (in_doubt && due) batch.push_back(store::MarkUncertain{id_});
  submit(std::move(batch), due);
}

store::RecordAttempt Delivery::to_be_recorded(store::Uptime due) const {
  store::RecordAttempt record{
      .message = id_, .at = attempt_.at, .due = due, .count_attempt = attempt_.tried};
  for (const Fate& fate : attempt_.fates) {
    const bool told = action_to_tell(view_.message, fate) == notice::DsnAction::delayed;
    record.results.push_back({fate.index, fate.state, words_of(fate), told});
  }
  return record;
}

void Delivery::log_fates() const {
  const auto matcher = committer_.gateway_.matcher();
  for (const Fate& fate : attempt_.fates) {
    const std::string reply = without_baits(*matcher, words_of(fate));
    log::info("message.attempt", {{"id", id_},
                                  {"recipient", fate.index},
                                  {"outcome", word_of(fate.state)},
                                  {"reply", reply}});
    if (fate.state != RecipientState::failed) continue;
    // Of neither of these is a sender told; the log is how operators are (RFC 3461 5.2).
    if (view_.message.kind != store::MessageKind::mail)
      log::error("notice.undeliverable",
                 {{"id", id_}, {"recipient", fate.index}, {"reply", reply}});
    else if (view_.message.envelope.sender.null)
      log::warn("message.undeliverable", {{"id", id_},
                                          {"recipient", fate.index},
                                          {"reply", reply},
                                          {"why", "its sender is the null path"}});
  }
}

// In the same batch as the outcome, so that a crash neither loses nor repeats it.
void Delivery::report(store::Batch& batch) {
  const auto config = committer_.gateway_.config();
  const auto matcher = committer_.gateway_.matcher();
  const auto notice = sender_report(*config, *matcher, view_, attempt_, original_);
  if (notice) notice_ = add_notice(batch, committer_.gateway_, *notice);
}

// An outcome that cannot be recorded leaves the claim standing, and the message is not tried again
// before it is: what was delivered must not go out twice because of a full disk. Nor do warnings
// overtake it, since policy hears of the end only when it is stored.
void Delivery::submit(store::Batch batch, std::optional<store::Uptime> due) {
  auto again = std::make_shared<store::Batch>(batch);
  committer_.gateway_.store().submit(
      std::move(batch), [self = shared_from_this(), again, due](const store::Answer& answer) {
        boost::asio::post(self->committer_.context_,
                          [self, again, due, answer] { self->on_recorded(again, due, answer); });
      });
}

void Delivery::on_recorded(const std::shared_ptr<store::Batch>& batch,
                           std::optional<store::Uptime> due, const store::Answer& answer) {
  auto& gateway = committer_.gateway_;
  if (!answer.ok()) {
    log::error("store.failed", {{"doing", "record attempt"}, {"id", id_}, {"why", answer.detail}});
    if (answer.error == store::StoreError::full || answer.error == store::StoreError::io) {
      auto timer =
          std::make_shared<boost::asio::steady_timer>(committer_.context_, std::chrono::seconds(1));
      timer->async_wait([self = shared_from_this(), batch, due, timer](const auto& cancelled) {
        if (!cancelled) self->submit(std::move(*batch), due);
      });
      return;
    }
  }
  gateway.with_policy([&](Policy& policy) {
    if (due)
      policy.cordoner.put_back(id_, *due, policy.lane_of(route_of_rest()));
    else
      policy.cordoner.settle(id_);
  });
  if (notice_ && answer.ok()) notice_stored(gateway, *notice_);
  committer_.ended(lane_);
}

}  // namespace cordon::proxy
