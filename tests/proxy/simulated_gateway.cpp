#include "simulated_gateway.h"

#include "proxy/config.h"
#include "proxy/uptime_clock.h"
#include "simulated_kernel.h"
#include "store/sqlite_store.h"

namespace cordon::simulated {

using boost::asio::ip::tcp;
using std::chrono::milliseconds;
using store::MessageId;

namespace {

constexpr milliseconds stride{200};      // of simulated time
constexpr milliseconds quiet_for{1200};  // longer than any pause before another try
constexpr milliseconds longest{600'000};
constexpr std::size_t most_batches = 10'000;   // of a life; most scenarios take some dozens
constexpr milliseconds uptime_interval{5000};  // as proxy/daemon.cpp

std::shared_ptr<const proxy::Config> config_for(proxy::Settings settings, std::uint16_t port) {
  for (auto& [_, route] : settings.routes)
    if (route.port == proxy::RouteSettings{}.port) route.port = port;
  return std::make_shared<const proxy::Config>(std::move(settings));
}

std::unique_ptr<store::Store> open_real(const std::filesystem::path& state) {
  store::SqliteOptions options;
  options.directory = state;
  options.reserve_octets = std::uint64_t{64} * 1024;
  return store::open_sqlite_store(options);
}

template <typename Made>
std::unique_ptr<Made> keep(std::unique_ptr<Made> made, Made*& place) {
  place = made.get();
  return made;
}

}  // namespace

SimulatedGateway::SimulatedGateway(const std::filesystem::path& state, proxy::Settings settings,
                                   const Surroundings& around)
    : ledger_(around.ledger),
      guard_(context_.get_executor()),
      upstream_(context_, around.upstream, around.ledger, around.points),
      gateway_(config_for(std::move(settings), upstream_.port()),
               keep(std::make_unique<SimulatedStore>(open_real(state), around.ledger, around.points,
                                                     around.trouble),
                    store_)),
      readers_(gateway_.store(), 1),
      responder_(context_, gateway_, readers_),
      committer_(context_, gateway_, readers_),
      desk_(gateway_, responder_),
      bell_(context_) {
  gateway_.set_responder(&responder_);
  gateway_.set_wake([this] { committer_.wake(); });
  let_readers_run();
}

SimulatedGateway::~SimulatedGateway() {
  store_->die();
  {
    const std::lock_guard lock(mutex_);
    barrier_open_ = true;
    changed_.notify_all();
  }
  readers_.stop();
}

void SimulatedGateway::start() {
  watch_policy();
  ledger_.woken();
  responder_.start();
  committer_.wake();
  run();
}

// ---- taking turns

// The readers' one thread waits at a barrier but for here: then it does all that was posted
// before, and stops at the next.
void SimulatedGateway::let_readers_run() {
  std::uint64_t next = 0;
  {
    const std::lock_guard lock(mutex_);
    next = turn_ + 1;
  }
  readers_.post([this, next](store::Reader&) { wait_at_barrier(next); }, [] {});
  std::unique_lock lock(mutex_);
  turn_ = next;
  changed_.notify_all();
  changed_.wait(lock, [&] { return reached_ == next; });
}

void SimulatedGateway::wait_at_barrier(std::uint64_t turn) {
  std::unique_lock lock(mutex_);
  reached_ = turn;
  changed_.notify_all();
  changed_.wait(lock, [&] { return turn_ > turn || barrier_open_; });
}

// Names are looked up by a thread of Asio's own, in order: when it has found ours it has found all
// that were asked for before.
void SimulatedGateway::let_resolver_run() {
  bool found = false;
  tcp::resolver resolver(context_);
  resolver.async_resolve("127.0.0.1", "25", [&](const auto&, const auto&) { found = true; });
  while (!found) context_.run_one();
}

// Handlers that are ready, and those of what the kernel is still moving.
std::size_t SimulatedGateway::run_ready() {
  static LoopbackFence fence;  // one for all lives
  std::size_t all = 0;
  for (;;) {
    std::size_t some = context_.poll();
    if (some == 0 && (all > 0 || in_flight())) {
      // A handshake is three packets, and so are content, its acknowledgement, and more content.
      fence.wait(upstream_.connected() && !upstream_.in_content() ? 1 : 3);
      some = context_.poll();
    }
    if (some == 0) return all;
    all += some;
  }
}

// Timers that are due. The reactor looks at them when its timer descriptor rings, which one that is
// long past makes it do.
std::size_t SimulatedGateway::ring() {
  bool rung = false;
  let_timers_ring();
  bell_.expires_at(std::chrono::steady_clock::now() - std::chrono::hours(1));
  bell_.async_wait([&](const auto&) { rung = true; });
  std::size_t others = 0;
  while (!rung) others += context_.run_one();
  return others - 1 + run_ready();
}

void SimulatedGateway::drain() {
  for (;;) {
    readers_asked_ = run_ready() > 0 || readers_asked_;
    if (!readers_asked_) readers_asked_ = ring() > 0;
    if (!readers_asked_ && !upstream_.connected() && in_flight()) {
      let_resolver_run();
      readers_asked_ = run_ready() > 0;
    }
    if (!std::exchange(readers_asked_, false)) return;
    let_readers_run();
    watch_policy();
  }
}

bool SimulatedGateway::in_flight() {
  return gateway_.with_policy([](auto& policy) { return policy.cordoner.counts().in_flight > 0; });
}

void SimulatedGateway::run() {
  for (;;) {
    drain();
    if (!store_->waiting()) return;
    if (store_->taken() > most_batches) throw std::runtime_error("it goes round in circles");
    store_->carry_out_one();
    readers_asked_ = true;
    watch_policy();
  }
}

void SimulatedGateway::pass(milliseconds time, milliseconds step) {
  for (; time.count() > 0; time -= step) {
    pass_time(step);
    age_ += step;
    if (age_ % milliseconds(1000) == milliseconds(0)) gateway_.flush_records();
    if (age_ % uptime_interval == milliseconds(0)) {
      store::Batch batch;
      batch.push_back(store::SaveUptime{gateway_.clock().now()});
      store_->submit(std::move(batch), [](const store::Answer&) {});
    }
    run();
  }
}

bool SimulatedGateway::anything_due() {
  const auto now = gateway_.clock().now();
  return in_flight() || gateway_.with_policy([&](auto& policy) {
    const auto next = policy.cordoner.next_due();
    return next && *next > now;
  });
}

void SimulatedGateway::come_to_rest() {
  run();
  milliseconds quiet{0};
  const auto end = age_ + longest;
  while (quiet < quiet_for || anything_due()) {
    const auto before = store_->taken();
    pass(stride);
    quiet = store_->taken() == before ? quiet + stride : milliseconds(0);
    if (age_ > end) return ledger_.never_rests();
  }
}

// ---- what policy knows

store::OriginId SimulatedGateway::origin(const std::string& host) {
  return gateway_.with_policy([&](auto& policy) {
    return policy.origins.find(store::IdentifierKind::ipv4, host).value_or(store::OriginId{});
  });
}

void SimulatedGateway::watch_policy() {
  gateway_.with_policy([&](auto& policy) {
    for (const auto& [cordon, origin] : ledger_.standing()) {
      const auto standing = policy.recovery.standing(origin);
      if (!standing || standing->id != cordon) ledger_.cordon_ended(cordon);
    }
    for (const char* host : {"192.0.2.1", "192.0.2.2", "192.0.2.3"}) {
      const auto origin = policy.origins.find(store::IdentifierKind::ipv4, host);
      const auto standing = origin ? policy.recovery.standing(*origin) : std::nullopt;
      if (standing && standing->kind == store::CordonKind::enforced)
        ledger_.cordon_stands(
            standing->id, standing->origin,
            !policy.cordoner.past_gate(*origin).empty() && upstream_.in_content());
    }
  });
}

// ---- clients, as proxy/session.cpp serves them

struct SimulatedGateway::Sending {
  proxy::Peer peer;
  smtp::Envelope envelope;
  proxy::Submission submission;
  std::string content;
  std::size_t given = 0;
  std::vector<store::Alert> alerts;
  bool automatic = false;
};

MessageId SimulatedGateway::send(const Mail& mail) {
  readers_asked_ = true;
  auto sending = std::make_shared<Sending>();
  const auto config = gateway_.config();
  sending->peer = gateway_.make_peer(mail.host, config->settings().listeners.front(),
                                     "s-" + std::to_string(++sessions_));
  sending->envelope.sender = {.null = false, .mailbox = {"sender", "in.example"}};
  auto& submission = sending->submission;
  for (const std::string& to : mail.to) {
    const auto mailbox = smtp::parse_mailbox(to, smtp::Utf8::no);
    sending->envelope.recipients.push_back({.mailbox = *mailbox, .notify = mail.notify});
    const auto hit = gateway_.matcher()->match(*mailbox);
    if (!hit) continue;
    const auto outcome =
        gateway_.violation(sending->peer, *hit, store::ViolationPlace::rcpt_to, false);
    watch_policy();
    sending->alerts.push_back(outcome.alert);
    submission.quarantine_alone = submission.quarantine_alone || outcome.quarantine_message;
  }
  submission.id = store_->next_message_id();
  const std::string id = std::to_string(static_cast<std::int64_t>(submission.id));
  sending->automatic = mail.automatic;
  sending->content = "Subject: " + mail.subject + "\r\nMessage-ID: <" + id +
                     "@client.example>\r\n\r\n" + std::string(mail.octets, 'x') + "\r\n";
  submission.trace = "Received: by gw.example; id " + id + "\r\n";
  submission.octets = sending->content.size();
  submission.facts.subject = mail.subject;
  submission.facts.message_id = "<" + id + "@client.example>";
  submission.facts.auto_submitted = mail.automatic;
  if (!sending->alerts.empty()) submission.violation = sending->alerts.front();
  give_piece(sending);
  return sending->submission.id;
}

void SimulatedGateway::give_piece(const std::shared_ptr<Sending>& sending) {
  const std::size_t left = sending->content.size() - sending->given;
  if (left <= store::max_body_piece) return end_of_content(sending);
  store::Batch batch;
  batch.push_back(
      store::AppendBody{sending->submission.id, sending->submission.last_piece++,
                        sending->content.substr(sending->given, store::max_body_piece)});
  sending->given += store::max_body_piece;
  store_->submit(std::move(batch), [this, sending](const store::Answer& answer) {
    boost::asio::post(context_, [this, sending, ok = answer.ok()] {
      if (ok) return give_piece(sending);
      store::Batch drop;
      drop.push_back(store::DropBody{sending->submission.id});
      store_->submit(std::move(drop), [](const store::Answer&) {});
      for (const auto& alert : sending->alerts) gateway_.transaction_ended(alert);
    });
  });
}

void SimulatedGateway::end_of_content(const std::shared_ptr<Sending>& sending) {
  auto submission = sending->submission;
  submission.envelope = &sending->envelope;
  submission.last_bytes = sending->content.substr(sending->given);
  ledger_.sent(submission.id, sending->automatic && !sending->alerts.empty());
  gateway_.accept(sending->peer, std::move(submission),
                  [this, sending](proxy::AcceptOutcome outcome) {
                    boost::asio::post(context_, [this, sending, outcome] {
                      const MessageId id = sending->submission.id;
                      if (outcome == proxy::AcceptOutcome::stored)
                        ledger_.acknowledged(id);
                      else
                        ledger_.turned_away(id);
                      for (const auto& alert : sending->alerts) gateway_.transaction_ended(alert);
                    });
                  });
  watch_policy();
}

// ---- operators

void SimulatedGateway::reload(proxy::Settings settings) {
  gateway_.set_config(config_for(std::move(settings), upstream_.port()));
  committer_.reloaded();
  run();
}

void SimulatedGateway::operate(const std::function<void(proxy::OperatorDesk&)>& act) {
  std::thread thread = store_->start_operator([&] { act(desk_); });
  try {
    while (store_->await_operator()) {
      watch_policy();
      drain();
      store_->carry_out_one();
      readers_asked_ = true;
    }
  } catch (...) {
    store_->die();
    thread.join();
    throw;
  }
  thread.join();
  watch_policy();
}

}  // namespace cordon::simulated
