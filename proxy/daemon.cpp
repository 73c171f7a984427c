#include "proxy/daemon.h"

#include <algorithm>
#include <ratio>
#include <set>

#include <boost/asio/post.hpp>

#include "proxy/control_endpoint.h"
#include "proxy/log.h"
#include "proxy/settings_reader.h"
#include "proxy/version.h"
#include "store/sqlite_store.h"

namespace cordon::proxy {

namespace {

constexpr std::size_t reader_threads = 2;
constexpr std::uint32_t uptime_interval = 5;    // seconds between two saves
constexpr std::uint32_t prune_at_once = 500;    // messages a second
constexpr std::uint32_t day = 86'400;           // seconds
constexpr std::uint32_t look_for_unknown = 60;  // seconds between two looks at upstreams
constexpr std::uint32_t look_again = 600;       // at those whose offer is known, too
constexpr std::uint32_t sweep_interval = 60;    // seconds between two looks for ended credentials
constexpr std::chrono::minutes acceptance_takes{10};  // at most, from sealing to the stored message
constexpr std::uint32_t grace = 30;  // seconds that a clean stop gives what is under way

std::unique_ptr<store::Store> open_store(const Config& config) {
  store::SqliteOptions options;
  options.directory = config.settings().paths.state_dir;
  return store::open_sqlite_store(options);
}

// A certificate that runs out is trouble for all clients at once: told at start, at reload, and
// daily from two weeks before.
void tell_expiries(const Config& config) {
  using Days = std::chrono::duration<std::int64_t, std::ratio<86'400>>;
  std::set<std::string> told;
  for (std::size_t i = 0; i < config.settings().listeners.size(); ++i) {
    const auto terms = config.terms(i);
    if (!terms->tls) continue;
    for (const auto& [file, at] : terms->tls->expiries()) {
      const auto left = std::chrono::floor<Days>(at - std::chrono::system_clock::now());
      if (left.count() < 14 && told.insert(file).second)
        log::warn("certificate.expires", {{"file", file}, {"days", left.count()}});
    }
  }
}

void log_failure(const char* doing, const store::Answer& answer) {
  if (!answer.ok() && answer.error != store::StoreError::closed)
    log::warn("store.failed", {{"doing", doing}, {"why", answer.detail}});
}

}  // namespace

Daemon::Daemon(const std::shared_ptr<const Config>& config)
    : config_(config),
      gateway_(config, open_store(*config)),
      readers_(gateway_.store(), reader_threads),
      responder_(office_, gateway_, readers_),
      committer_(office_, gateway_, readers_),
      desk_(gateway_, responder_),
      second_(office_),
      stop_timer_(office_),
      state_dir_(config->settings().paths.state_dir) {
  gateway_.set_responder(&responder_);
  gateway_.set_wake([this] { committer_.wake(); });
  const auto& settings = config->settings();
  const auto threads =
      settings.threads != 0 ? settings.threads : std::max(1u, std::thread::hardware_concurrency());
  for (std::uint32_t i = 0; i < threads; ++i) workers_.push_back(std::make_unique<Worker>());
  for (std::size_t i = 0; i < settings.listeners.size(); ++i)
    listeners_.push_back(std::make_unique<Listener>(office_, services_, workers_, i));
  std::vector<boost::asio::ip::tcp::endpoint> own;
  for (const auto& listener : listeners_) own.push_back(listener->endpoint());
  committer_.answers_at(OwnEndpoints(std::move(own)));
  control_ = std::make_unique<ControlEndpoint>(settings, gateway_.store(), desk_);
}

Daemon::~Daemon() = default;

std::vector<std::uint16_t> Daemon::ports() const {
  std::vector<std::uint16_t> ports;
  for (const auto& listener : listeners_) ports.push_back(listener->port());
  return ports;
}

void Daemon::run() {
  log::info("gateway.started", {{"version", version}, {"hostname", config_->hostname()}});
  tell_expiries(*config_);
  for (const auto& worker : workers_) worker->start();
  responder_.start();
  for (const auto& listener : listeners_) listener->start();
  control_->start();
  every_second();
  committer_.wake();
  committer_.look_at_upstreams(Committer::Look::at_all);
  office_.run();
  finish_stop();
}

void Daemon::every_second() {
  second_.expires_after(std::chrono::seconds(1));
  second_.async_wait([this](const boost::system::error_code& cancelled) {
    if (cancelled) return;
    ++seconds_;
    gateway_.intake().measure_disk(state_dir_);
    gateway_.flush_records();
    tend_credentials();
    if (seconds_ % day == 0) tell_expiries(*config_);
    if (seconds_ % look_again == 0)
      committer_.look_at_upstreams(Committer::Look::at_all);
    else if (seconds_ % look_for_unknown == 0)
      committer_.look_at_upstreams(Committer::Look::at_unknown);
    store::Batch batch;
    if (seconds_ % uptime_interval == 0) batch.push_back(store::SaveUptime{gateway_.clock().now()});
    // A little each second, so that it neither falls behind nor holds up mail.
    const auto retention = config_->settings().cordoning.record_retention;
    batch.push_back(store::Prune{slow_clock_() - retention, prune_at_once});
    gateway_.store().submit(std::move(batch),
                            [](const store::Answer& a) { log_failure("upkeep", a); });
    every_second();
  });
}

// Off this thread: it waits for the disk.
void Daemon::tend_credentials() {
  if (!gateway_.credentials().has_keys()) return;
  const bool sweep = seconds_ % sweep_interval == 0;
  readers_.post(
      [this, sweep, now = gateway_.credentials().now(),
       ttl = config_->settings().credentials.ttl](auto& reader) {
        if (sweep) gateway_.credentials().sweep(reader, now - ttl, now - acceptance_takes);
        gateway_.credentials().sync();
      },
      [] {});
}

void Daemon::reload(std::shared_ptr<const Config> config) {
  boost::asio::post(office_, [this, config = std::move(config)] {
    for (const std::string& key : needs_restart(config_->settings(), config->settings()))
      log::warn("settings.need_restart", {{"key", key}});
    log::set_level(config->settings().log.level);
    control_->reload(config->settings().control);
    gateway_.set_config(config);
    config_ = config;
    log::info("settings.reloaded", {});
    tell_expiries(*config_);
    committer_.reloaded();
  });
}

void Daemon::stop() {
  boost::asio::post(office_, [this] { begin_stop(); });
}

void Daemon::begin_stop() {
  if (stopping_) return;
  stopping_ = true;
  log::info("gateway.stopping", {});
  for (const auto& listener : listeners_) listener->stop();
  for (const auto& worker : workers_) worker->shut_down_sessions();
  committer_.stop([this] { deliveries_ended_ = true; });
  grace_left_ = grace * 10;
  const auto wait = [this](auto& self) -> void {
    stop_timer_.expires_after(std::chrono::milliseconds(100));
    stop_timer_.async_wait([this, self](const boost::system::error_code& cancelled) mutable {
      if (cancelled) return;
      const bool sessions = std::any_of(workers_.begin(), workers_.end(),
                                        [](const auto& w) { return w->sessions() != 0; });
      if ((!sessions && deliveries_ended_) || grace_left_ == 0) {
        second_.cancel();
        responder_.stop();
        office_.stop();
        return;
      }
      if (--grace_left_ == 20) {  // two seconds before the end
        for (const auto& worker : workers_) worker->abort_sessions();
        committer_.abort();
      }
      self(self);
    });
  };
  wait(wait);
}

// In the order of the arrows: who asks goes before who answers. Threads end first, then the store
// answers all that they asked, and only then does anything go that an answer could touch.
void Daemon::finish_stop() {
  control_->stop();
  for (const auto& worker : workers_) worker->stop();
  passwords_.stop();
  gateway_.flush_records();
  readers_.stop();
  gateway_.credentials().sync();
  store::Batch last;
  last.push_back(store::SaveUptime{gateway_.clock().now()});
  gateway_.store().submit(std::move(last),
                          [](const store::Answer& answer) { log_failure("last save", answer); });
  gateway_.close_store();
  gateway_.intake().forget_waiting();  // sessions that will not get their turn
  workers_.clear();
  log::info("gateway.stopped", {});
}

}  // namespace cordon::proxy
