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
      warner_(context, gateway, readers),
      timer_(context) {}

void Responder::start() {
  warner_.take_up();
  tick();
}

void Responder::stop() {
  timer_.cancel();
  count_hits();
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
      if (!gateway_.store().keep_reserve()) log::warn("store.no_reserve", {});
    });
  }
  if (stored) stored();
}

// Alerts have space of their own: what the reserve held is theirs when the disk is full.
void Responder::retry_later() {
  gateway_.store().release_reserve();
  auto timer = std::make_shared<boost::asio::steady_timer>(context_, retry_time);
  timer->async_wait([this, timer](const boost::system::error_code& cancelled) {
    const std::lock_guard lock(mutex_);
    retry_set_ = false;
    if (cancelled) return;
    for (auto owed = owed_.begin(); owed != owed_.end(); ++owed)
      if (!owed->on_its_way) send(owed);
  });
}

// ---- what recovery decided

void Responder::carry_out(const Recovered& recovered) {
  if (recovered.repeat) {
    const std::lock_guard lock(mutex_);
    ++hits_[{recovered.alert.id, recovered.alert.bait}];
    return;
  }
  store::Batch batch;
  if (recovered.replaced)
    batch.push_back(store::LiftCordon{*recovered.replaced, recovered.alert.at});
  batch.push_back(store::RaiseAlert{recovered.alert, recovered.cordon});
  {
    const std::lock_guard lock(mutex_);
    open_[recovered.alert.id] = {recovered.alert, recovered.cordon,
                                 steady_clock::now() + longest_transaction};
    if (recovered.alert.place == store::ViolationPlace::by_operator)
      settled_.insert(recovered.alert.id);
  }
  keep_trying(std::move(batch), [this, cordon = recovered.cordon] {
    if (cordon) count_past(*cordon);
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
    if (open != open_.end()) {
      open->second.alert = alert;
      open->second.cordon = downgraded.review;
    }
  }
  keep_trying(std::move(batch));
  if (downgraded.review) {
    store::Batch review;
    review.push_back(store::RaiseAlert{alert, downgraded.review});
    keep_trying(std::move(review));
  }
}

void Responder::settle(AlertId alert) {
  const std::lock_guard lock(mutex_);
  if (open_.contains(alert)) settled_.insert(alert);
}

void Responder::tick() {
  timer_.expires_after(tick_time);
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled) return;
    count_hits();
    std::vector<Open> ready;
    {
      const std::lock_guard lock(mutex_);
      const auto now = steady_clock::now();
      for (auto open = open_.begin(); open != open_.end();) {
        if (failing_ || (!settled_.contains(open->first) && now < open->second.latest)) {
          ++open;
          continue;
        }
        ready.push_back(open->second);
        settled_.erase(open->first);
        open = open_.erase(open);
      }
    }
    for (const Open& open : ready) finish(open);
    tick();
  });
}

void Responder::finish(const Open& open) {
  tell_operators(open);
  if (open.cordon && open.cordon->kind == store::CordonKind::enforced) warner_.watch(*open.cordon);
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

void Responder::tell_operators(Open open) {
  readers_.post(
      [this, open = std::move(open)](store::Reader& reader) {
        const auto config = gateway_.config();
        const Notice notice = operator_report(*config, reader, open.alert, open.cordon);
        store::Batch batch;
        const auto id = add_notice(batch, gateway_, notice);
        if (!id) return;
        gateway_.store().submit(std::move(batch), [this, id = *id](const store::Answer& answer) {
          if (answer.ok()) return notice_stored(gateway_, id);
          log::error("store.failed", {{"doing", "tell operators"}, {"why", answer.detail}});
        });
      },
      [] {});
}

}  // namespace cordon::proxy
