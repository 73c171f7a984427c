#include "proxy/committer.h"

#include <algorithm>
#include <unordered_set>

#include <boost/asio/post.hpp>

#include "proxy/delivery.h"
#include "proxy/log.h"

namespace cordon::proxy {

using store::MessageId;

namespace {
constexpr std::size_t claim_batch = 100;  // messages a durable claim
constexpr auto store_retry = std::chrono::seconds(1);
}  // namespace

Committer::Committer(boost::asio::io_context& context, Gateway& gateway, ReaderPool& readers)
    : context_(context),
      gateway_(gateway),
      readers_(readers),
      upstreams_(context, gateway.config()->hostname()),
      timer_(context),
      random_(std::random_device{}()) {}

Committer::~Committer() = default;

void Committer::wake() {
  if (woken_.exchange(true)) return;  // one is on its way
  boost::asio::post(context_, [this] {
    woken_.store(false);
    pump();
  });
}

void Committer::pump() {
  if (stopping_) return;
  const std::size_t most = gateway_.config()->settings().delivery.max_concurrent;
  while (active_ < most) {
    const auto now = gateway_.clock().now();
    auto due = gateway_.with_policy([&](Policy& policy) {
      return policy.cordoner.take_due(now, std::min(claim_batch, most - active_));
    });
    if (due.empty()) break;
    active_ += static_cast<std::uint32_t>(due.size());
    claim(std::move(due));
  }
  arm();
}

void Committer::arm() {
  // With every place taken there is nothing to wake for: the next delivery that ends will pump.
  if (active_ >= gateway_.config()->settings().delivery.max_concurrent) return;
  const auto next = gateway_.with_policy([](Policy& policy) { return policy.cordoner.next_due(); });
  if (!next) return;
  const auto wait = std::max(*next - gateway_.clock().now(), std::chrono::milliseconds(1));
  timer_.expires_after(wait);
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) pump();
  });
}

// The claim is durable before the first byte leaves: after a crash it says which messages may have
// left without a record of it.
void Committer::claim(std::vector<MessageId> ids) {
  ++claiming_;
  store::Batch batch;
  batch.push_back(store::Claim{ids});
  gateway_.store().submit(std::move(batch),
                          [this, ids = std::move(ids)](const store::Answer& answer) {
                            boost::asio::post(context_, [this, ids, answer] {
                              --claiming_;
                              on_claimed(ids, answer);
                            });
                          });
}

void Committer::on_claimed(const std::vector<MessageId>& asked, const store::Answer& answer) {
  if (!answer.ok()) log::error("store.failed", {{"doing", "claim"}, {"why", answer.detail}});
  const std::unordered_set<MessageId> claimed(answer.claimed.begin(), answer.claimed.end());
  const auto later = gateway_.clock().now() + store_retry;
  for (const MessageId id : asked) {
    if (claimed.contains(id)) {
      std::make_shared<Delivery>(*this, id)->start();
      continue;
    }
    // Cordoned, frozen or gone in the meantime by the store's own reckoning, or the store failed.
    gateway_.with_policy([&](Policy& policy) { policy.cordoner.put_back(id, later); });
    ended();
  }
}

void Committer::ended() {
  --active_;
  if (stopping_) {
    if (active_ == 0 && idle_) std::exchange(idle_, nullptr)();
    return;
  }
  wake();
}

void Committer::stop(std::function<void()> idle) {
  boost::asio::post(context_, [this, idle = std::move(idle)] {
    stopping_ = true;
    timer_.cancel();
    upstreams_.close_idle();
    idle_ = idle;
    if (active_ == 0 && idle_) std::exchange(idle_, nullptr)();
  });
}

void Committer::abort() {
  boost::asio::post(context_, [this] { upstreams_.abort(); });
}

}  // namespace cordon::proxy
