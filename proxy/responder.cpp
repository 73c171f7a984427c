#include "proxy/responder.h"

#include <algorithm>

#include <boost/asio/post.hpp>

#include "proxy/log.h"
#include "proxy/notice_texts.h"
#include "proxy/notices.h"

namespace cordon::proxy {

using std::chrono::steady_clock;
using store::AlertId;

namespace {
constexpr auto tick_time = std::chrono::milliseconds(200);
constexpr auto retry_time = std::chrono::seconds(1);
// Operators hear of an alert when its transaction is over, at the latest after this.
constexpr auto longest_transaction = std::chrono::seconds(60);
}  // namespace

Responder::Responder(boost::asio::io_context& context, Gateway& gateway, ReaderPool& readers)
    : context_(context),
      gateway_(gateway),
      readers_(readers),
      warner_(context, gateway, readers,
              [this](AlertId alert) {
                const std::lock_guard lock(mutex_);
                return open_.contains(alert);
              }),
      timer_(context) {}

// What a crash left in doubt is on record before anything is warned about or claimed: until it is
// stored no commit is made.
void Responder::start() {
  auto uncertain = gateway_.take_uncertain();
  if (uncertain.empty())
    warner_.take_up();
  else
    keep_trying(std::move(uncertain), [this] { warner_.take_up(); });
  readers_.post(
      [this](store::Reader& reader) {
        for (const store::Alert& alert : reader.untold_alerts()) {
          const std::lock_guard lock(mutex_);
          open_[alert.id] = {alert, steady_clock::now()};
        }
      },
      [] {});
  tick();
}

void Responder::stop() {
  timer_.cancel();
  count_hits();
  const std::lock_guard lock(mutex_);
  stopping_ = true;
}

// ---- durable first

// Submitted at once, so that whatever the caller submits next (the message of this very
// transaction) finds it stored.
void Responder::keep_trying(store::Batch batch, std::function<void()> stored) {
  const std::lock_guard lock(mutex_);
  owed_.push_back({std::move(batch), std::move(stored)});
  // While older ones wait for their next try this one waits behind them.
  if (!failing_) send(std::prev(owed_.end()));
}

void Responder::send(Place owed) {
  if (stopping_) return;
  owed->on_its_way = true;
  gateway_.store().submit(owed->batch,
                          [this, owed](const store::Answer& answer) { on_answer(owed, answer); });
}

// Whether it is to be tried again. A contradiction while an older one is still owed may only come
// from that (an alert whose origin is not stored yet).
bool Responder::failed(Place owed, const store::Answer& answer) {
  owed->on_its_way = false;
  if (answer.error == store::StoreError::full || answer.error == store::StoreError::io) return true;
  return answer.error == store::StoreError::fault && owed != owed_.begin();
}

// On the store's writer thread, so that answers never cross. Policy's lock comes before ours.
void Responder::on_answer(Place owed, const store::Answer& answer) {
  enum class Turn : std::uint8_t { none, failing, recovered } turn = Turn::none;
  std::function<void()> stored;
  {
    const std::lock_guard lock(mutex_);
    if (failed(owed, answer)) {
      if (!std::exchange(failing_, true)) turn = Turn::failing;
      if (!std::exchange(retry_set_, true)) boost::asio::post(context_, [this] { retry_later(); });
    } else {
      if (!answer.ok() && answer.error != store::StoreError::closed)
        log::error("alert.refused_by_store", {{"why", answer.detail}});
      stored = std::move(owed->stored);
      owed_.erase(owed);
      if (answer.ok() && failing_) send_all();  // it works again: what came meanwhile goes too
      if (owed_.empty() && std::exchange(failing_, false)) turn = Turn::recovered;
    }
  }
  if (turn == Turn::failing) {
    gateway_.with_policy([](Policy& policy) { policy.cordoner.stop_commits(true); });
    log::error("alert.not_stored",
               {{"why", answer.detail}, {"effect", "nothing is committed until it is"}});
  }
  if (turn == Turn::recovered) {
    gateway_.with_policy([](Policy& policy) { policy.cordoner.stop_commits(false); });
    log::warn("alert.stored", {{"effect", "commits go on"}});
    gateway_.wake();
    boost::asio::post(context_, [this] {
      if (!keep_reserve()) log::warn("store.no_reserve", {});
    });
  }
  if (stored) stored();
}

// Alerts have space of their own: what the reserve held is theirs when the disk is full.
void Responder::retry_later() {
  gateway_.store().release_reserve();
  reserve_owed_ = true;
  auto timer = std::make_shared<boost::asio::steady_timer>(context_, retry_time);
  timer->async_wait([this, timer](const boost::system::error_code& cancelled) {
    const std::lock_guard lock(mutex_);
    retry_set_ = false;
    if (!cancelled) send_all();
  });
}

// Until it is all there again: without it the next alert finds no room, and large content none
// either.
bool Responder::keep_reserve() {
  {
    const std::lock_guard lock(mutex_);
    if (failing_ || stopping_) return true;
  }
  if (reserve_owed_) reserve_owed_ = !gateway_.store().keep_reserve();
  return !reserve_owed_;
}

void Responder::send_all() {
  for (auto owed = owed_.begin(); owed != owed_.end(); ++owed)
    if (!owed->on_its_way) send(owed);
}

// ---- what recovery decided

void Responder::carry_out(const Recovered& recovered) {
  if (recovered.repeat) {
    const std::lock_guard lock(mutex_);
    ++hits_[{recovered.alert.id, recovered.alert.bait}];
    return;
  }
  if (recovered.replaced) {
    // By itself: an operator may have lifted it already, and the new cordon must not fail with it.
    store::Batch lift;
    lift.push_back(store::LiftCordon{*recovered.replaced, recovered.alert.at});
    keep_trying(std::move(lift));
    gateway_.wake();  // what a review of the origin kept back was put into the schedule again
  }
  const bool by_operator = recovered.alert.place == store::ViolationPlace::by_operator;
  const auto now = steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    open_[recovered.alert.id] = {recovered.alert, by_operator ? now : now + longest_transaction};
  }
  store::Batch batch;
  batch.push_back(store::RaiseAlert{recovered.alert, recovered.cordon});
  keep_trying(std::move(batch), [this, cordon = recovered.cordon] {
    if (!cordon) return;
    count_past(*cordon);
    if (cordon->kind == store::CordonKind::enforced) warner_.watch(*cordon);
  });
}

// What had left before the cordon. For a shadow cordon also what an enforced one would have caught:
// whatever was accepted within the last period would still have been held.
void Responder::count_past(const store::Cordon& cordon) {
  readers_.post(
      [this, cordon](store::Reader& reader) {
        const auto& cordoning = gateway_.config()->settings().cordoning;
        const store::WallTime since =
            cordoning.look_back ? cordon.raised_at - *cordoning.look_back : store::WallTime{};
        store::CountCordon count{.cordon = cordon.id};
        count.committed_before = reader.count_committed(cordon.origin, since);
        if (cordon.kind == store::CordonKind::shadow) {
          count.quarantined =
              reader.count_committed(cordon.origin, cordon.raised_at - cordoning.period);
          count.committed_before -= std::min(count.committed_before, count.quarantined);
        }
        store::Batch batch;
        batch.push_back(count);
        gateway_.store().submit(std::move(batch), [](const store::Answer& answer) {
          if (!answer.ok()) log::warn("store.failed", {{"doing", "count"}, {"why", answer.detail}});
        });
      },
      [] {});
}

void Responder::withdraw(const store::Alert& alert, const Recovery::Downgraded& downgraded) {
  store::Batch batch;
  batch.push_back(store::LiftCordon{downgraded.cordon, wall_now(), true});
  batch.push_back(store::SetAlertResponse{alert.id, downgraded.response, downgraded.reason, {}});
  batch.push_back(
      store::AddAudit{{.at = wall_now(),
                       .who = "cordond",
                       .action = "cordon withdraw",
                       .object = std::to_string(static_cast<std::int64_t>(downgraded.cordon)),
                       .detail = "the message was an automatic reply (Auto-Submitted)"}});
  {
    const std::lock_guard lock(mutex_);
    const auto open = open_.find(alert.id);
    if (downgraded.same_as) {
      // The same program answers the same forged bait: that was told, and is only counted.
      open_.erase(alert.id);
      batch.push_back(store::CountHit{downgraded.same_as->id, alert.bait});
      batch.push_back(store::MarkTold{alert.id});
    } else if (open != open_.end()) {
      open->second.alert = alert;
    }
  }
  if (downgraded.review) batch.push_back(store::AddCordon{*downgraded.review});
  keep_trying(std::move(batch));
}

void Responder::settle(AlertId alert) {
  const std::lock_guard lock(mutex_);
  const auto open = open_.find(alert);
  if (open != open_.end()) open->second.due = std::min(open->second.due, steady_clock::now());
}

void Responder::tick() {
  timer_.expires_after(tick_time);
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled) return;
    count_hits();
    keep_reserve();
    std::vector<store::Alert> ready;
    {
      const std::lock_guard lock(mutex_);
      const auto now = steady_clock::now();
      for (auto open = open_.begin(); open != open_.end() && !failing_;) {
        if (open->second.due > now) {
          ++open;
          continue;
        }
        ready.push_back(open->second.alert);
        open = open_.erase(open);
      }
    }
    for (const store::Alert& alert : ready) tell_operators(alert);
    tick();
  });
}

// One write a tick for all the repeated hits, so that a flood of baits is no flood of writes.
void Responder::count_hits() {
  store::Batch batch;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, times] : hits_)
      batch.push_back(store::CountHit{key.first, key.second, static_cast<std::uint32_t>(times)});
    hits_.clear();
  }
  if (batch.empty()) return;
  gateway_.store().submit(std::move(batch), [](const store::Answer& answer) {
    if (!answer.ok()) log::warn("store.failed", {{"doing", "count hits"}, {"why", answer.detail}});
  });
}

// The report and the mark that it was made are stored together: a silent quarantine is dangerous,
// so neither a crash nor a full disk may swallow it.
void Responder::tell_operators(const store::Alert& alert) {
  readers_.post(
      [this, alert](store::Reader& reader) {
        const auto config = gateway_.config();
        const auto stored = reader.alert(alert.id);
        if (!stored) return tell_later(alert);  // not yet
        const auto cordon = reader.cordon(stored->cordon);
        store::Batch batch;
        const auto id =
            add_notice(batch, gateway_,
                       operator_report(*config, *gateway_.matcher(), reader, *stored, cordon));
        batch.push_back(store::MarkTold{alert.id});
        gateway_.store().submit(std::move(batch), [this, alert, id](const store::Answer& answer) {
          if (answer.ok()) {
            if (id) notice_stored(gateway_, *id);
            return;
          }
          log::error("store.failed", {{"doing", "tell operators"}, {"why", answer.detail}});
          tell_later(alert);
        });
      },
      [this, alert] { tell_later(alert); });
}

void Responder::tell_later(const store::Alert& alert) {
  const std::lock_guard lock(mutex_);
  open_[alert.id] = {alert, steady_clock::now() + retry_time};
}

}  // namespace cordon::proxy
