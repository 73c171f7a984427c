#include "proxy/committer.h"

#include <algorithm>
#include <unordered_set>

#include <boost/asio/post.hpp>

#include "proxy/delivery.h"
#include "proxy/dispatch.h"
#include "proxy/log.h"

namespace cordon::proxy {

using store::MessageId;

namespace {
constexpr std::size_t claim_batch = 100;  // messages a durable claim
constexpr std::size_t most_looks = 200;   // at once, of a lane
constexpr auto store_retry = std::chrono::seconds(1);
constexpr auto forget_after = std::chrono::hours(1);

Dns::Options dns_options(const Settings::Dns& dns) {
  return {.servers = dns.servers, .timeout = dns.timeout, .tries = static_cast<int>(dns.tries)};
}
}  // namespace

Committer::Committer(boost::asio::io_context& context, Gateway& gateway, ReaderPool& readers)
    : context_(context),
      gateway_(gateway),
      readers_(readers),
      upstreams_(context, gateway.config()->hostname()),
      recipients_(context, gateway, upstreams_),
      logins_(context, gateway, readers, upstreams_),
      dns_(context, dns_options(gateway.config()->settings().dns)),
      mail_hosts_(dns_, gateway.config()->hostname()),
      timer_(context),
      random_(std::random_device{}()) {
  upstreams_.on_offer = [this](const Destination& destination, const smtp::UpstreamOffer& offer) {
    // Exchangers are without end, and mirrored by nobody.
    const auto& routes = gateway_.config()->settings().routes;
    const auto route = routes.find(destination.route);
    if (route == routes.end() || route->second.lookup != Lookup::host) return;
    gateway_.offers().learn({destination.route, destination.host, destination.port}, offer);
  };
}

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
  traffic_.resize(gateway_.with_policy([](Policy& policy) { return policy.cordoner.lanes(); }));
  back_off_.forget(gateway_.clock().now() - forget_after);
  for (Lane lane = 0; lane < traffic_.size(); ++lane) pump(lane);
  arm();
}

void Committer::pump(Lane lane) {
  Traffic& traffic = traffic_[lane];
  for (;;) {
    if (const auto shut = closed(lane)) return look_at_late(lane, *shut);
    const auto now = gateway_.clock().now();
    const auto room = traffic.pace.room(per_minute(lane), now);
    const std::size_t most = std::min<std::size_t>({claim_batch, places(lane), room});
    if (most == 0) return;
    auto due = gateway_.with_policy(
        [&](Policy& policy) { return policy.cordoner.take_due(now, most, lane); });
    if (due.empty()) return;
    traffic.active += static_cast<std::uint32_t>(due.size());
    traffic.pace.took(due.size());
    claim(std::move(due), lane, {});
  }
}

// While the server of a route is away nothing is tried, and so nothing is claimed for it: claiming
// is a write. But for what is late, or at the end of its lifetime, which takes no place.
void Committer::look_at_late(Lane lane, const BackOff::Closed& closed) {
  Traffic& traffic = traffic_[lane];
  while (traffic.looking < most_looks) {
    const std::size_t most = std::min(claim_batch, most_looks - traffic.looking);
    auto late = gateway_.with_policy([&](Policy& policy) {
      return policy.cordoner.take_late(gateway_.clock().now(), most, lane);
    });
    if (late.empty()) return;
    traffic.looking += static_cast<std::uint32_t>(late.size());
    claim(std::move(late), lane, left_alone(closed));
  }
}

std::uint32_t Committer::places_of_a_domain() const {
  return std::max(1u, gateway_.config()->settings().delivery.max_concurrent / 4);
}

std::uint32_t Committer::per_minute(Lane lane) {
  const auto route = gateway_.with_policy([&](Policy& policy) { return policy.routes.at(lane); });
  const auto config = gateway_.config();
  const auto found = config->settings().routes.find(route);
  return found == config->settings().routes.end() ? 0 : found->second.max_messages_per_minute;
}

std::uint32_t Committer::places(Lane lane) const {
  const auto most = gateway_.config()->settings().delivery.max_concurrent;
  return most > traffic_[lane].active ? most - traffic_[lane].active : 0;
}

std::optional<BackOff::Closed> Committer::closed(Lane lane) {
  const auto route = gateway_.with_policy([&](Policy& policy) { return policy.routes.at(lane); });
  return back_off_.closed(route, gateway_.clock().now());
}

void Committer::reloaded() {
  boost::asio::post(context_, [this] {
    back_off_ = {};
    gateway_.with_policy(
        [&](Policy& policy) { policy.cordoner.servers_may_be_back(gateway_.clock().now()); });
    pump();
  });
  look_at_upstreams(Look::at_all);
}

void Committer::look_at_upstreams(Look which) {
  boost::asio::post(context_, [this, which] {
    const auto config = gateway_.config();
    const auto& times = config->settings().delivery;
    for (const std::string& name : config->mirrored_routes()) {
      const RouteSettings& settings = config->route(name);
      if (settings.lookup != Lookup::host || stopping_) continue;
      if (which == Look::at_unknown &&
          gateway_.offers().knows({name, settings.host, settings.port}))
        continue;
      upstreams_.look({name, settings.host, settings.port, settings.host}, config->upstream(name),
                      {times.command_timeout, times.data_timeout});
    }
  });
}

// When pump(lane) may have something to do. With every place taken there is nothing to wake for:
// the next delivery that ends will pump.
std::optional<store::Uptime> Committer::next_turn(Lane lane) {
  const auto next = [&](auto of) {
    return gateway_.with_policy([&](Policy& policy) { return of(policy.cordoner); });
  };
  Traffic& traffic = traffic_[lane];
  if (const auto shut = closed(lane)) {
    const auto late = next([&](const Cordoner& cordoner) { return cordoner.next_late(lane); });
    if (!late || traffic.looking >= most_looks) return late ? std::optional(shut->until) : late;
    return std::min(*late, shut->until);
  }
  if (places(lane) == 0) return std::nullopt;
  const auto due = next([&](const Cordoner& cordoner) { return cordoner.next_due(lane); });
  const auto limit = per_minute(lane);
  const bool paced = due && traffic.pace.room(limit, gateway_.clock().now()) == 0;
  return paced ? std::max(*due, traffic.pace.next(limit)) : due;
}

void Committer::arm() {
  std::optional<store::Uptime> next;
  for (Lane lane = 0; lane < traffic_.size(); ++lane) {
    const auto turn = next_turn(lane);
    if (turn && (!next || *turn < *next)) next = turn;
  }
  if (!next) return;
  const auto wait = std::max(*next - gateway_.clock().now(), std::chrono::milliseconds(1));
  timer_.expires_after(wait);
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) pump();
  });
}

// The claim is durable before the first byte leaves: after a crash it says which messages may have
// left without a record of it.
void Committer::claim(std::vector<MessageId> ids, Lane lane, const Untried& untried) {
  store::Batch batch;
  batch.push_back(store::Claim{ids});
  gateway_.store().submit(std::move(batch),
                          [this, ids = std::move(ids), lane, untried](const store::Answer& answer) {
                            boost::asio::post(context_, [this, ids, lane, untried, answer] {
                              on_claimed(ids, lane, untried, answer);
                            });
                          });
}

void Committer::on_claimed(const std::vector<MessageId>& asked, Lane lane, const Untried& untried,
                           const store::Answer& answer) {
  if (!answer.ok()) log::error("store.failed", {{"doing", "claim"}, {"why", answer.detail}});
  const std::unordered_set<MessageId> claimed(answer.claimed.begin(), answer.claimed.end());
  const auto later = gateway_.clock().now() + store_retry;
  for (const MessageId id : asked) {
    if (claimed.contains(id)) {
      std::make_shared<Delivery>(*this, id, lane, untried)->start();
      continue;
    }
    // Cordoned, frozen or gone in the meantime by the store's own reckoning, or the store failed.
    gateway_.with_policy([&](Policy& policy) { policy.cordoner.put_back(id, later); });
    ended(lane, !untried);
  }
}

void Committer::keep_trying(store::Batch batch, MessageId id, std::function<void(bool)> done) {
  auto again = std::make_shared<store::Batch>(batch);
  gateway_.store().submit(std::move(batch), [this, again, id,
                                             done = std::move(done)](const store::Answer& answer) {
    boost::asio::post(context_, [this, again, id, done, answer] {
      if (answer.ok()) return done(true);
      log::error("store.failed", {{"doing", "record attempt"}, {"id", id}, {"why", answer.detail}});
      if (answer.error != store::StoreError::full && answer.error != store::StoreError::io)
        return done(false);
      auto timer = std::make_shared<boost::asio::steady_timer>(context_, store_retry);
      timer->async_wait([this, again, id, done, timer](const auto& cancelled) {
        if (!cancelled) keep_trying(std::move(*again), id, done);
      });
    });
  });
}

void Committer::ended(Lane lane, bool tried) {
  --(tried ? traffic_[lane].active : traffic_[lane].looking);
  if (!stopping_) return wake();
  if (idle() && when_idle_) std::exchange(when_idle_, nullptr)();
}

bool Committer::idle() const {
  return std::all_of(traffic_.begin(), traffic_.end(), [](const Traffic& traffic) {
    return traffic.active == 0 && traffic.looking == 0;
  });
}

void Committer::stop(std::function<void()> when_idle) {
  boost::asio::post(context_, [this, when_idle = std::move(when_idle)] {
    stopping_ = true;
    timer_.cancel();
    upstreams_.close_idle();
    when_idle_ = when_idle;
    if (idle() && when_idle_) std::exchange(when_idle_, nullptr)();
  });
}

void Committer::abort() {
  boost::asio::post(context_, [this] { upstreams_.abort(); });
}

}  // namespace cordon::proxy
