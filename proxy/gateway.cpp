#include "proxy/gateway.h"

#include <algorithm>
#include <iterator>

#include "proxy/log.h"
#include "proxy/responder.h"

namespace cordon::proxy {

using store::AlertId;
using store::CordonId;
using store::OriginId;

namespace {

// A message that has come by here so often goes round. Honest ones come by once, or a few times: to
// a list and out of it again, forwarded and back. A loop reaches any number, and the sooner the
// fewer copies of other mail go with it.
constexpr std::uint32_t most_own_hops = 5;

// RFC 5321 6.3.
bool goes_round(const notice::HeaderFacts& facts, std::uint32_t max_hops) {
  return facts.received_count > max_hops || facts.own_received_count > most_own_hops;
}

IdSource ids_from(store::Store& store) {
  return {[&store] { return store.next_alert_id(); }, [&store] { return store.next_cordon_id(); }};
}

store::IdentifierKind kind_of(std::string_view address) {
  return address.find(':') == std::string_view::npos ? store::IdentifierKind::ipv4
                                                     : store::IdentifierKind::ipv6;
}

// While the lane of `message` is closed. What goes by several routes is looked at as soon as it is
// due: those that are open are tried then.
store::Uptime first_look(const Config& config, const store::Message& message) {
  const auto& recipients = message.envelope.recipients;
  const auto route_of = [&](const smtp::Recipient& recipient) -> const std::string& {
    return config.route_of(message.listener, recipient.mailbox.domain);
  };
  const bool several = config.has_routes_by_recipient() &&
                       std::any_of(recipients.begin(), recipients.end(), [&](const auto& one) {
                         return route_of(one) != route_of(recipients.front());
                       });
  return several ? message.due
                 : next_look(config.retry_plan(), message.accepted_up, message.accepted_up);
}

AcceptOutcome outcome_of(const store::Answer& answer) {
  if (answer.ok()) return AcceptOutcome::stored;
  return answer.error == store::StoreError::full ? AcceptOutcome::store_full
                                                 : AcceptOutcome::store_failed;
}

}  // namespace

// Routes are few.
Lane Policy::lane_of(const std::string& route) {
  const auto found = std::find(routes.begin(), routes.end(), route);
  const auto lane = static_cast<Lane>(found - routes.begin());
  if (found == routes.end()) routes.push_back(route);
  return lane;
}

Gateway::Gateway(std::shared_ptr<const Config> config, std::unique_ptr<store::Store> store)
    : store_(std::move(store)),
      config_(std::move(config)),
      matcher_(std::make_shared<baits::Matcher>()),
      credentials_(*store_, config_->settings().credentials.directory) {
  policy_ =
      std::make_unique<Policy>(config_->hold_limits(), ids_from(*store_), config_->safety_limits());
  open_credentials();
  rebuild();
  reload_baits();
}

// The store first: it answers all that was submitted, and answers want the rest of this.
Gateway::~Gateway() { store_.reset(); }

// At once if they are needed, so that a file of keys which cannot be used is told at start.
// Settings may have changed since there were keys; then at least they end.
void Gateway::open_credentials() {
  const Settings& settings = config_->settings();
  const bool needed =
      std::any_of(settings.listeners.begin(), settings.listeners.end(),
                  [&](const ListenerSettings& l) { return config_->logs_in_upstream(l.name); });
  if (!needed && !store::KeyFile::is_in(settings.credentials.directory)) return;
  credentials_.open_keys();
  credentials_.sweep(*store_->reader(), credentials_.now() - settings.credentials.ttl,
                     store::WallTime::max());
}

// Due times, caps and cordon states live in memory; the store says what they were.
void Gateway::rebuild() {
  const auto reader = store_->reader();
  clock_ = std::make_unique<UptimeClock>(reader->uptime());
  Policy& policy = *policy_;
  const auto active = reader->cordons(false, UINT32_MAX);
  reader->origins([&](const store::Origin& origin) {
    policy.origins.restore(origin);
    const bool cordoned = std::any_of(active.begin(), active.end(), [&](const store::Cordon& c) {
      return c.origin == origin.id && c.kind == store::CordonKind::enforced;
    });
    policy.cordoner.restore_origin(origin.id, origin.cordon_epoch, cordoned);
  });
  for (const store::Cordon& cordon : active) {
    // Those of the last hour count against max_cordons_per_hour; an operator's never do.
    const auto alert = reader->alert(cordon.alert);
    const bool by_operator = alert && alert->place == store::ViolationPlace::by_operator;
    policy.recovery.restore(cordon, by_operator ? std::nullopt : std::optional(clock_->now()));
  }

  // A claim without a result may have left, or not. Such a message is tried again if its origin is
  // free (the one source of duplicates), and warned about if it is cordoned.
  std::uint64_t unsettled = 0;
  store::Epoch epoch = reader->epoch();
  reader->unsettled([&](const store::Unsettled& message) {
    ++unsettled;
    // Its recipients are not read here: it may belong to another lane, which the first look tells.
    const auto look_by =
        config_->has_routes_by_recipient()
            ? message.due
            : next_look(config_->retry_plan(), message.accepted_up, message.accepted_up);
    policy.cordoner.restore(message, policy.lane_of(config_->route_name(message.listener)),
                            look_by);
    // An epoch counts as used once anything was accepted in it, even if its alert never got to the
    // disk: else the next cordon would take it for cleared.
    if (message.clearance != store::released) epoch = std::max(epoch, message.clearance);
    if (message.state == store::MessageState::claimed)
      uncertain_.push_back(store::MarkUncertain{message.id});
  });
  policy.cordoner.restore_epoch(epoch);
  log::info("gateway.rebuilt", {{"unsettled", unsettled},
                                {"uncertain", uncertain_.size()},
                                {"cordons", active.size()},
                                {"origins", policy.origins.size()}});
}

std::shared_ptr<const Config> Gateway::config() const {
  const std::lock_guard lock(config_mutex_);
  return config_;
}

void Gateway::set_config(std::shared_ptr<const Config> config) {
  with_policy([&](Policy& policy) {
    policy.cordoner.set_limits(config->hold_limits());
    policy.recovery.set_limits(config->safety_limits());
  });
  const std::lock_guard lock(config_mutex_);
  config_ = std::move(config);
}

std::shared_ptr<const baits::Matcher> Gateway::matcher() const {
  const std::lock_guard lock(config_mutex_);
  return matcher_;
}

void Gateway::reload_baits() {
  const std::lock_guard one_at_a_time(baits_mutex_);
  std::vector<baits::Bait> baits;
  store_->reader()->active_baits([&](const store::BaitRow& row) { baits.push_back(row.bait); });
  std::shared_ptr<const baits::Matcher> fresh = std::make_shared<const baits::Matcher>(baits);
  log::info("baits.loaded", {{"count", fresh->size()}});
  const std::lock_guard lock(config_mutex_);
  matcher_.swap(fresh);  // the old table goes with `fresh`, after the lock
}

// ---- a session's way

Peer Gateway::make_peer(std::string address, const ListenerSettings& listener,
                        std::string session) const {
  Peer peer{
      .address = std::move(address), .listener = listener.name, .session = std::move(session)};
  peer.traits = config()->traits(peer.address);
  peer.mode = peer.traits.mode.value_or(listener.mode);
  return peer;
}

OriginId Gateway::origin_of(const Peer& peer) {
  const auto now = wall_now();
  const auto kind = kind_of(peer.address);
  // Submitted under the lock: once another session can find the origin, what it submits for it
  // comes after the origin itself.
  return with_policy([&](Policy& policy) {
    store::Batch batch;
    if (const auto known = policy.origins.find(kind, peer.address)) {
      if (!policy.origins.touch(*known, now)) return *known;
      batch.push_back(store::TouchOrigin{*known, now});
      responder_->keep_trying(std::move(batch));
      return *known;
    }
    store::Origin fresh{.id = store_->next_origin_id(),
                        .label = peer.traits.label.empty() ? peer.address : peer.traits.label,
                        .first_seen = now,
                        .last_seen = now};
    fresh.identifiers.push_back({.kind = kind, .value = peer.address, .valid_from = now});
    batch.push_back(store::AddOrigin{fresh});
    responder_->keep_trying(std::move(batch));
    policy.origins.restore(fresh);
    return fresh.id;
  });
}

std::optional<CordonId> Gateway::recorded_under(const Peer& peer) {
  return with_policy([&](Policy& policy) -> std::optional<CordonId> {
    const auto origin = policy.origins.find(kind_of(peer.address), peer.address);
    if (!origin) return std::nullopt;
    const auto standing = policy.recovery.standing(*origin);
    if (!standing || standing->origin != *origin) return std::nullopt;
    return standing->id;
  });
}

HitOutcome Gateway::violation(const Peer& peer, const baits::Hit& hit, store::ViolationPlace place,
                              bool null_sender) {
  counters_.violations.fetch_add(1, std::memory_order_relaxed);
  Violation seen{.origin = origin_of(peer),
                 .bait = hit.id,
                 .bait_kind = hit.kind,
                 .place = place,
                 .mode = peer.mode,
                 .shared_origin = peer.traits.shared,
                 .automatic_sender = null_sender,
                 .listener = peer.listener,
                 .session = peer.session,
                 .at = wall_now(),
                 .up = clock_->now()};
  // Submitted under the lock, so that the store hears of cordons in the order of their raising.
  const Recovered recovered = with_policy([&](Policy& policy) {
    seen.origins_seen = policy.origins.seen_since(seen.at - std::chrono::hours(24));
    Recovered done = policy.recovery.violation(seen);
    responder_->carry_out(done);
    return done;
  });
  HitOutcome outcome{.alert = recovered.alert, .quarantine_message = recovered.quarantine_message};
  if (recovered.alert.cordon != CordonId{}) outcome.record = recovered.alert.cordon;
  return outcome;
}

void Gateway::transaction_ended(const store::Alert& alert) { responder_->settle(alert.id); }

// A message whose header says that a program answered by itself proves nothing about its sender,
// who may only have answered a forged bait (RFC 3834). The cordon that its RCPT raised goes, and
// the message alone is kept.
store::Alert Gateway::settle_automatic_reply(const Peer& peer, Submission& submission) {
  store::Alert alert = *submission.violation;
  if (!submission.facts.auto_submitted || alert.response != store::Response::cordon) return alert;
  const Violation seen{.origin = alert.origin,
                       .bait = alert.bait,
                       .bait_kind = alert.bait_kind,
                       .place = alert.place,
                       .mode = peer.mode,
                       .shared_origin = peer.traits.shared,
                       .automatic_sender = true,
                       .at = wall_now(),
                       .up = clock_->now()};
  const bool less = with_policy([&](Policy& policy) {
    const auto downgraded = policy.recovery.automatic_reply(alert, seen);
    if (!downgraded) return false;
    alert.response = downgraded->response;
    alert.reason = downgraded->reason;
    responder_->withdraw(alert, *downgraded);
    return true;
  });
  submission.quarantine_alone = submission.quarantine_alone || less;
  wake();
  return alert;
}

void Gateway::accept(const Peer& peer, Submission submission,
                     std::function<void(AcceptOutcome)> done) {
  const auto settings = config();
  const OriginId origin = origin_of(peer);
  store::Alert alert;
  if (submission.violation) alert = settle_automatic_reply(peer, submission);
  const AlertId alone = submission.quarantine_alone ? alert.id : AlertId{};
  if (goes_round(submission.facts, settings->settings().limits.max_hops)) {
    log::warn("message.loop", {{"session", peer.session},
                               {"hops", submission.facts.received_count},
                               {"own", submission.facts.own_received_count}});
    return done(AcceptOutcome::loop);
  }

  auto holding = holding_for(settings->rules(), settings->settings().cordoning.period,
                             *submission.envelope, peer.address);
  if (peer.mode == Mode::observe) holding.period = std::chrono::milliseconds(0);
  const bool counted = holding.period.count() > 0;

  Lane lane = 0;
  const auto admission = with_policy([&](Policy& policy) {
    count_shadow(policy, origin);
    lane = policy.lane_of(
        settings->route_of(peer.listener, submission.envelope->recipients.front().mailbox.domain));
    return policy.cordoner.admit(origin);
  });
  if (admission.deferred && counted && alone == AlertId{}) return done(AcceptOutcome::cap_reached);

  store::Message message;
  message.id = submission.id;
  message.origin = origin;
  message.listener = peer.listener;
  message.session = peer.session;
  message.accepted_at = wall_now();
  message.accepted_up = clock_->now();
  message.due = message.accepted_up + holding.period;
  message.clearance = admission.clearance;
  message.quarantined_by = alone;
  message.envelope = *submission.envelope;
  message.client = std::move(submission.client);
  message.trace = std::move(submission.trace);
  message.octets = submission.octets;
  message.digest = submission.digest;
  message.subject = std::move(submission.facts.subject);
  message.message_id = std::move(submission.facts.message_id);
  message.references = std::move(submission.facts.references);

  const Cordoner::Held held{.id = message.id,
                            .origin = origin,
                            .due = message.due,
                            .clearance = message.clearance,
                            .alone = alone != AlertId{},
                            .counted = counted,
                            .lane = lane,
                            .look_by = first_look(*settings, message)};
  store::Batch batch;
  if (holding.bypass != nullptr)
    batch.push_back(
        store::AddAudit{{.at = message.accepted_at,
                         .who = "cordond",
                         .action = "bypass",
                         .object = std::to_string(static_cast<std::int64_t>(message.id)),
                         .detail = "rule " + holding.bypass->name}});
  if (alone != AlertId{})
    batch.push_back(store::SetAlertResponse{alone, alert.response, alert.reason, message.id});
  std::string sealed;
  if (submission.login) {
    message.login = login_text(*submission.login);
    sealed = credentials_.seal(message.id, *submission.login);
    if (sealed.empty()) return done(AcceptOutcome::store_failed);
  }
  batch.push_back(
      store::Accept{std::move(message), submission.last_piece, std::move(submission.last_bytes)});
  if (!sealed.empty()) batch.push_back(store::SealCredentials{held.id, std::move(sealed)});
  store_->submit(std::move(batch), [this, held, quarantined = admission.quarantined,
                                    done = std::move(done)](const store::Answer& answer) {
    if (answer.ok()) {
      counters_.accepted.fetch_add(1, std::memory_order_relaxed);
      const bool sooner = with_policy([&](Policy& policy) {
        const auto now = clock_->now();
        const auto before = policy.cordoner.next_due(held.lane);
        policy.cordoner.add(held, now);
        if (quarantined)
          if (const auto standing = policy.recovery.standing(held.origin)) {
            const std::lock_guard lock(records_mutex_);
            ++counted_[standing->id];
          }
        const auto after = policy.cordoner.next_due(held.lane);
        // It may have pushed out one of another lane.
        const auto first = policy.cordoner.next_due();
        return (after && (!before || *after < *before)) || (first && *first <= now);
      });
      // Else the committer's timer is set already: most mail is due after what came before it. That
      // of its own lane, since for a lane whose places are taken there is none.
      if (sooner) wake();
    } else {
      credentials_.destroy(held.id);
      log::error(
          "message.not_stored",
          {{"id", held.id}, {"why", store::describe(answer.error)}, {"detail", answer.detail}});
    }
    done(outcome_of(answer));
  });
}

// What a shadow cordon would have quarantined.
void Gateway::count_shadow(Policy& policy, OriginId origin) {
  const auto standing = policy.recovery.standing(origin);
  if (!standing || standing->kind != store::CordonKind::shadow) return;
  const std::lock_guard lock(records_mutex_);
  ++counted_[standing->id];
}

// ---- the record of cordoned sessions

void Gateway::record(store::TranscriptLine line) {
  const auto most = config()->settings().cordoning.transcript_lines;
  const std::lock_guard lock(records_mutex_);
  std::uint32_t& kept = lines_kept_[line.cordon];
  if (kept >= most) return;
  if (++kept == most) line.text = "[the record is full: transcript_lines]";
  lines_.push_back(std::move(line));
}

void Gateway::flush_records() {
  // A batch a cordon: trouble with one must not cost the others their record.
  std::unordered_map<store::CordonId, Record> records;
  {
    const std::lock_guard lock(records_mutex_);
    for (auto& line : std::exchange(lines_, {}))
      records[line.cordon].lines.push_back(std::move(line));
    for (const auto& [cordon, count] : std::exchange(counted_, {}))
      records[cordon].quarantined = count;
  }
  for (auto& [cordon, record] : records) {
    store::Batch batch;
    if (!record.lines.empty()) batch.push_back(store::AddTranscript{record.lines});
    if (record.quarantined != 0) batch.push_back(store::CountCordon{cordon, record.quarantined});
    store_->submit(std::move(batch), [this, id = cordon, kept = std::move(record)](
                                         const store::Answer& answer) mutable {
      if (answer.ok()) return;
      log::warn("store.failed",
                {{"doing", "record session"}, {"cordon", id}, {"why", answer.detail}});
      keep_record(id, std::move(kept), answer.error);
    });
  }
}

// For the next flush, in front of what came since. A cordon that the store does not know may be
// unstored as yet: commits have stopped then. Else there is nothing to record it under.
void Gateway::keep_record(CordonId cordon, Record record, store::StoreError why) {
  const bool unstored = with_policy([](Policy& p) { return p.cordoner.commits_stopped(); });
  if (why == store::StoreError::closed || (why == store::StoreError::fault && !unstored)) return;
  const std::lock_guard lock(records_mutex_);
  lines_.insert(lines_.begin(), std::make_move_iterator(record.lines.begin()),
                std::make_move_iterator(record.lines.end()));
  if (record.quarantined != 0) counted_[cordon] += record.quarantined;
}

}  // namespace cordon::proxy
