#include "proxy/delivery.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "cordon/retry.h"
#include "proxy/log.h"
#include "proxy/notice_texts.h"

namespace cordon::proxy {

using smtp::Outcome;
using store::RecipientState;
using Result = store::RecordAttempt::Result;

namespace {

constexpr std::size_t header_kept = 32UL * 1024;  // octets of the original header in a bounce

// Empty if it cannot be read: the attempt then fails where it asks for content, and counts.
std::string short_content(store::Reader& reader, store::MessageId id, std::uint64_t octets) {
  std::string content(static_cast<std::size_t>(octets), '\0');
  try {
    content.resize(reader.body(id, 0, content));
  } catch (const std::runtime_error&) {
    content.clear();
  }
  return content;
}

Result settled(const smtp::RecipientResult& from, std::size_t index) {
  const RecipientState state = from.outcome == Outcome::delivered ? RecipientState::delivered
                               : from.outcome == Outcome::failed  ? RecipientState::failed
                                                                  : RecipientState::pending;
  return {static_cast<std::uint32_t>(index), state, from.reply.one_line()};
}

}  // namespace

// The content with the envelope, if it is short: a look into the store less for most mail.
void Delivery::start() {
  committer_.readers_.post(
      [self = shared_from_this()](store::Reader& reader) {
        auto view = reader.message(self->id_);
        if (view && view->message.octets <= store::max_body_piece) {
          self->first_ = short_content(reader, self->id_, view->message.octets);
        }
        boost::asio::post(self->committer_.context_, [self, view = std::move(view)]() mutable {
          self->on_read(std::move(view));
        });
      },
      [self = shared_from_this()] {
        boost::asio::post(self->committer_.context_, [self] { self->on_read(std::nullopt); });
      });
}

void Delivery::on_read(std::optional<store::MessageView> view) {
  if (!view) {
    log::error("delivery.unreadable", {{"id", id_}});
    store::Batch batch;
    batch.push_back(store::Unclaim{id_});
    return put_back(std::move(batch), committer_.gateway_.clock().now() + std::chrono::minutes(1));
  }
  view_ = std::move(*view);
  const auto config = committer_.gateway_.config();
  const auto matcher = committer_.gateway_.matcher();

  for (const auto& recipient : view_.recipients) {
    if (recipient.state != RecipientState::pending) continue;
    // A bait is never sent upstream: not when a person released its message, and not in our own.
    if (matcher->match(view_.message.envelope.recipients[recipient.index].mailbox))
      suppressed_.push_back({recipient.index, RecipientState::suppressed, "bait"});
    else
      which_.push_back(recipient.index);
  }
  if (which_.empty())
    return record(
        {.message = id_, .at = wall_now(), .results = suppressed_, .count_attempt = false}, false,
        false);

  auto job = std::make_shared<DeliveryJob>();
  job->envelope = view_.message.envelope;
  job->which = which_;
  job->octets = view_.message.octets + view_.message.trace.size();
  job->next_piece = [self = shared_from_this()](const auto& give) { self->next_piece(give); };
  job->pass_gate = [self = shared_from_this()] { return self->pass_gate(); };
  job->done = [self = shared_from_this()](const auto& results, bool in_doubt, bool stopped) {
    self->on_done(results, in_doubt, stopped);
  };
  const std::string& route = config->route_name(view_.message.listener);
  const auto& delivery = config->settings().delivery;
  committer_.upstreams_.deliver(route, config->route(route),
                                {delivery.command_timeout, delivery.data_timeout}, std::move(job));
}

void Delivery::next_piece(const Give& give) {
  if (!first_.empty()) {
    boost::asio::post(committer_.context_, [self = shared_from_this(), give] {
      self->on_piece(give, std::exchange(self->first_, {}));
    });
    return;
  }
  committer_.readers_.post(
      [self = shared_from_this(), give](store::Reader& reader) {
        std::string piece(store::max_body_piece, '\0');
        piece.resize(reader.body(self->id_, self->offset_, piece));
        boost::asio::post(self->committer_.context_,
                          [self, give, piece = std::move(piece)] { self->on_piece(give, piece); });
      },
      [self = shared_from_this(), give] {
        boost::asio::post(self->committer_.context_, [give] { give(false, {}, false); });
      });
}

void Delivery::on_piece(const Give& give, const std::string& piece) {
  offset_ += piece.size();
  if (header_.size() < header_kept) header_.append(piece, 0, header_kept - header_.size());
  const bool last = offset_ >= view_.message.octets;
  const bool ok = !piece.empty() || last;
  piece_ = std::exchange(trace_sent_, true) ? std::string() : view_.message.trace;
  piece_ += piece;
  give(ok, piece_, last);
}

bool Delivery::pass_gate() {
  const bool open = committer_.gateway_.with_policy(
      [&](Policy& policy) { return policy.cordoner.pass_gate(id_); });
  if (!open) log::info("gate.shut", {{"id", id_}});
  return open;
}

// When to try again; nullopt at the end of the queue lifetime. The last try is at its end, and what
// a period or a review held for longer than that still gets a second one.
std::optional<store::Uptime> Delivery::next_try(store::Uptime now) {
  const auto config = committer_.gateway_.config();
  const double chance = std::uniform_real_distribution<>(0, 1)(committer_.random_);
  const auto due = now + retry_delay(config->retry_plan(), view_.message.attempts + 1, chance);
  const auto end = view_.message.accepted_up + config->settings().delivery.queue_lifetime;
  if (due <= end) return due;
  if (now < end) return end;
  if (view_.message.attempts == 0) return due;
  return std::nullopt;
}

void Delivery::on_done(const std::vector<smtp::RecipientResult>& results, bool in_doubt,
                       bool stopped) {
  auto& gateway = committer_.gateway_;
  const auto now = gateway.clock().now();
  if (stopped) {
    store::Batch batch;
    batch.push_back(store::Unclaim{id_});
    return put_back(std::move(batch), now);
  }
  store::RecordAttempt attempt{.message = id_, .at = wall_now(), .results = suppressed_};
  bool any_pending = false;
  for (std::size_t i = 0; i < which_.size(); ++i) {
    attempt.results.push_back(settled(results[i], which_[i]));
    any_pending = any_pending || attempt.results.back().state == RecipientState::pending;
  }
  const bool unanswered = any_pending && in_doubt;
  const auto due = next_try(now);
  attempt.due = due.value_or(now);
  if (any_pending && !due) {
    any_pending = false;
    for (Result& result : attempt.results) {
      if (result.state != RecipientState::pending) continue;
      result.state = RecipientState::failed;
      result.reply = "554 5.4.7 Not delivered within queue_lifetime; last: " + result.reply;
    }
  }
  // Without an answer to the final dot it may have arrived (RFC 5321 4.5.3.2.6).
  record(std::move(attempt), any_pending, unanswered);
}

void Delivery::record(store::RecordAttempt attempt, bool any_pending, bool in_doubt) {
  const bool any_failed = std::any_of(attempt.results.begin(), attempt.results.end(),
                                      [](auto& r) { return r.state == RecipientState::failed; });
  if (any_failed && !std::exchange(header_asked_, true) && header_.empty())
    return read_header([self = shared_from_this(), attempt = std::move(attempt), any_pending,
                        in_doubt] { self->record(attempt, any_pending, in_doubt); });
  auto& gateway = committer_.gateway_;
  auto& counters = gateway.counters();
  bool delivered = false;
  for (const Result& result : attempt.results) {
    log::info("message.attempt",
              {{"id", id_},
               {"recipient", result.index},
               {"outcome", result.state == RecipientState::delivered    ? "delivered"
                           : result.state == RecipientState::pending    ? "deferred"
                           : result.state == RecipientState::suppressed ? "suppressed"
                                                                        : "failed"},
               {"reply", result.reply}});
    delivered = delivered || result.state == RecipientState::delivered;
  }
  if (delivered) counters.committed.fetch_add(1, std::memory_order_relaxed);
  if (any_pending) counters.deferred.fetch_add(1, std::memory_order_relaxed);
  if (!any_pending && !delivered) counters.failed.fetch_add(1, std::memory_order_relaxed);

  store::Batch batch;
  bounce(batch, attempt);
  const auto due = attempt.due;
  // While some are pending only those are in doubt. At the end of its lifetime all without a result
  // are, and must be marked before they are settled.
  if (in_doubt && !any_pending) batch.push_back(store::MarkUncertain{id_});
  batch.push_back(std::move(attempt));
  if (in_doubt && any_pending) batch.push_back(store::MarkUncertain{id_});
  if (any_pending) return put_back(std::move(batch), due);
  submit(std::move(batch), std::nullopt);
}

// Who is refused before the content was asked for still gets its header back in the bounce.
void Delivery::read_header(const std::function<void()>& then) {
  committer_.readers_.post(
      [self = shared_from_this(), then](store::Reader& reader) {
        std::string header(header_kept, '\0');
        header.resize(reader.body(self->id_, 0, header));
        boost::asio::post(self->committer_.context_, [self, then, header = std::move(header)] {
          self->header_ = header;
          then();
        });
      },
      [self = shared_from_this(), then] { boost::asio::post(self->committer_.context_, then); });
}

// In the same batch as the outcome, so that a crash loses neither.
void Delivery::bounce(store::Batch& batch, const store::RecordAttempt& attempt) {
  const auto notice = bounce_for(*committer_.gateway_.config(), view_, attempt, header_);
  if (notice) notice_ = add_notice(batch, committer_.gateway_, *notice);
}

void Delivery::put_back(store::Batch batch, store::Uptime due) { submit(std::move(batch), due); }

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
      policy.cordoner.put_back(id_, *due);
    else
      policy.cordoner.settle(id_);
  });
  if (notice_ && answer.ok()) notice_stored(gateway, *notice_);
  committer_.ended(lane_);
}

}  // namespace cordon::proxy
