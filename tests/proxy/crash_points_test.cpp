// Every step of committer and recovery with a crash before and after it, and with the disk's
// refusal: scenarios are played once to count their steps, and then again for each step, dying or
// failing there. What must hold whatever happens is in simulated_ledger.h.
#include <cstdlib>
#include <filesystem>
#include <iostream>

#include <doctest/doctest.h>

#include "simulated_gateway.h"
#include "store/sqlite_store.h"

namespace fs = std::filesystem;
namespace store = cordon::store;
using cordon::proxy::Caller;
using cordon::proxy::OperatorDesk;
using cordon::proxy::Seconds;
using cordon::proxy::Settings;
using namespace cordon::simulated;
using std::chrono::milliseconds;
using store::MessageId;

namespace {

// In memory if that can be had: nothing here is about the disk.
class Folder {
 public:
  Folder() {
    const fs::path memory = "/dev/shm";
    std::error_code error;
    std::string pattern =
        ((fs::exists(memory, error) ? memory : fs::temp_directory_path()) / "cordon-crash-XXXXXX")
            .string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  fs::path path;
};

// What a process that dies leaves on the disk. Its memory that SQLite's connections share is gone.
void copy_state(const fs::path& from, const fs::path& to) {
  fs::copy(from, to, fs::copy_options::recursive);
  fs::remove(to / "cordon.db-shm");
}

// A store with the baits of all scenarios, copied for each run.
const fs::path& prepared_state() {
  static const Folder folder;
  static const bool made = [] {
    store::SqliteOptions options;
    options.directory = folder.path;
    options.reserve_octets = 0;
    const auto real = store::open_sqlite_store(options);
    store::BaitRow row;
    row.bait = {real->next_bait_id(), cordon::baits::BaitKind::address, "bait@in.example", ""};
    store::Batch batch;
    batch.emplace_back(store::AddBaits{{row}});
    real->submit(std::move(batch), [](const store::Answer&) {});
    return true;
  }();
  REQUIRE(made);
  return folder.path;
}

struct Scenario {
  std::string name;
  Settings settings;
  std::function<void(SimulatedGateway&, UpstreamMind&)> play;
  std::optional<Trouble> trouble;
  // What clients send when the gateway is back.
  std::vector<Mail> afterwards{{.host = "192.0.2.1", .to = {"again@in.example"}, .subject = "p"},
                               {.host = "192.0.2.2", .to = {"again@in.example"}, .subject = "q"}};
};

// One upstream connection, so that all deliveries come in one order; nobody waits for long.
Settings plain_settings() {
  Settings settings;
  settings.hostname = "gw.example";
  settings.cordoning.period = Seconds(0);
  settings.cordoning.max_cordons_per_hour = 1000;
  settings.notices.operators = {"ops@in.example"};
  settings.notices.local_domains = {"in.example"};
  settings.notices.warning_delay = Seconds(0);
  settings.notices.max_warnings_per_recipient_day = 1000;
  settings.delivery.first_retry = Seconds(0);
  settings.delivery.jitter = 0;
  settings.routes["smarthost"].max_connections = 1;
  return settings;
}

// What is for far.example and for further.example has a route, and a connection, of its own.
Settings many_routes() {
  Settings settings = plain_settings();
  settings.delivery.data_timeout = Seconds(3);
  settings.routes["far"].domains = {"far.example"};
  settings.routes["far"].max_connections = 1;
  settings.routes["further"].domains = {"further.example"};
  settings.routes["further"].max_connections = 1;
  return settings;
}

Settings holding_settings() {
  Settings settings = plain_settings();
  settings.cordoning.period = Seconds(2);
  return settings;
}

// ---- one run

struct Outcome {
  std::vector<std::vector<std::string>> steps;  // of each life
  std::size_t batches = 0;                      // of the first
  std::vector<std::string> breaches;
  std::string story;
};

std::vector<MessageId> claimed_in(store::Store& real) {
  std::vector<MessageId> claimed;
  real.reader()->unsettled([&](const store::Unsettled& message) {
    if (message.state == store::MessageState::claimed) claimed.push_back(message.id);
  });
  return claimed;
}

// The gateway dies at the step of its first life that `crashes` names first, and so on.
class Run {
 public:
  explicit Run(const Scenario& scenario) : scenario_(scenario) {
    copy_state(prepared_state(), state(0));
  }

  Outcome play(const std::vector<std::size_t>& crashes) {
    for (std::size_t life = 0;; ++life) {
      CrashPoints points(life < crashes.size() ? std::optional(crashes[life]) : std::nullopt);
      SimulatedGateway gateway(
          state(life), scenario_.settings,
          {ledger_, points, upstream_, life == 0 ? scenario_.trouble : std::nullopt});
      const bool survived = live(gateway, life);
      points.stop_counting();
      outcome_.steps.push_back(points.passed());
      if (life == 0) outcome_.batches = gateway.batches();
      if (survived) return end(gateway);
      ledger_.crashed(claimed_in(gateway.real_store()));
      copy_state(state(life), state(life + 1));
      upstream_.plans.clear();
    }
  }

 private:
  fs::path state(std::size_t life) const { return folder_.path / std::to_string(life); }

  bool live(SimulatedGateway& gateway, std::size_t life) {
    try {
      gateway.start();
      if (life == 0)
        scenario_.play(gateway, upstream_);
      else
        for (const Mail& mail : scenario_.afterwards) gateway.send(mail);
      gateway.come_to_rest();
      return true;
    } catch (const Crash&) {
      return false;
    }
  }

  Outcome end(SimulatedGateway& gateway) {
    outcome_.breaches = ledger_.breaches(*gateway.real_store().reader());
    outcome_.story = ledger_.text();
    return outcome_;
  }

  const Scenario& scenario_;
  const Folder folder_;
  Ledger ledger_;
  UpstreamMind upstream_;
  Outcome outcome_;
};

Outcome play(const Scenario& scenario, const std::vector<std::size_t>& crashes = {}) {
  return Run(scenario).play(crashes);
}

// ---- all runs of a scenario

bool is_whole(const Outcome& outcome, const std::string& where) {
  if (outcome.breaches.empty()) return true;
  std::string text = where;
  for (const std::string& breach : outcome.breaches) text += "\n  " + breach;
  FAIL_CHECK(text << "\nThe story:\n" << outcome.story);
  return false;
}

// Empty if `steps` are the `first` ones, as far as they go.
std::string other_way(const std::vector<std::string>& steps,
                      const std::vector<std::string>& first) {
  const auto [here, there] = std::mismatch(steps.begin(), steps.end(), first.begin(), first.end());
  if (here == steps.end()) return {};
  return *here + " instead of " + (there == first.end() ? "the end" : *there);
}

// A busy kernel may yet let a packet wait, and the steps go another way: then it is played again.
Outcome play_same_way(const Scenario& scenario, std::size_t crash,
                      const std::vector<std::string>& steps) {
  constexpr int tries = 5;
  Outcome outcome;
  for (int i = 0; i < tries; ++i) {
    outcome = play(scenario, {crash});
    if (other_way(outcome.steps.front(), steps).empty() || !outcome.breaches.empty()) break;
  }
  return outcome;
}

// Dies at each step; at every fourth it then dies again, at some step of the life that comes after.
void crash_everywhere(const Scenario& scenario, const Outcome& first) {
  const auto& steps = first.steps.front();
  for (std::size_t at = 0; at < steps.size(); ++at) {
    const std::string where = scenario.name + ", crash " + std::to_string(at) + ": " + steps[at];
    const Outcome once = play_same_way(scenario, at, steps);
    CHECK_MESSAGE(other_way(once.steps.front(), steps) == "", where);
    if (!is_whole(once, where) || at % 4 != 0) continue;
    const auto& second = once.steps.at(1);
    const std::size_t then = at / 4 % second.size();
    is_whole(play(scenario, {at, then}), where + ", then " + second[then]);
  }
}

// The disk refuses each batch alone, and from each on for a while.
void refuse_everything(Scenario scenario, const Outcome& first) {
  for (std::size_t batch = 0; batch < first.batches; ++batch) {
    const std::string where = scenario.name + ", batch " + std::to_string(batch) + " refused";
    scenario.trouble = Trouble{.first = batch, .error = store::StoreError::full};
    is_whole(play(scenario), where);
    scenario.trouble =
        Trouble{.first = batch, .error = store::StoreError::io, .lasts = milliseconds(2500)};
    is_whole(play(scenario), where + " and those after it");
  }
}

void survive(const Scenario& scenario) {
  const Outcome first = play(scenario);
  if (!is_whole(first, scenario.name + ", undisturbed")) return;
  crash_everywhere(scenario, first);
  std::cout << scenario.name << ": " << first.steps.front().size() << " crash points";
  if (!scenario.trouble) {
    refuse_everything(scenario, first);
    std::cout << ", " << first.batches << " batches refused";
  }
  std::cout << '\n';
}

// ---- steps that scenarios share

const std::string intruder = "192.0.2.1";
const std::string honest = "192.0.2.2";

const Mail to_bait{.host = intruder, .to = {"bait@in.example", "fifth@in.example"}, .subject = "x"};

// Of four messages of the intruder the raising finds one delivered, one at `moment`, one claimed
// and one held. After a crash both hosts use the bait, and what is held of either is to be caught.
Scenario cordon_at(Moment moment, const std::string& name) {
  return {
      "a cordon raised " + name,
      holding_settings(),
      [moment](SimulatedGateway& gateway, UpstreamMind& upstream) {
        upstream.plans[{moment, "second@in.example"}] = [&] {
          gateway.send(to_bait);
          gateway.send({.host = honest, .to = {"mate@in.example"}, .subject = "meanwhile"});
        };
        for (const char* to : {"first@in.example", "second@in.example", "third@in.example"})
          gateway.send({.host = intruder, .to = {to, "out@far.example"}, .subject = to});
        gateway.send({.host = honest, .to = {"friend@in.example"}, .subject = "honest"});
        gateway.pass(milliseconds(1000));
        gateway.send({.host = intruder, .to = {"fourth@in.example"}, .subject = "fourth"});
        gateway.send({.host = honest, .to = {"pal@in.example"}, .subject = "due later"});
        gateway.come_to_rest();
        gateway.send({.host = intruder, .to = {"sixth@in.example"}, .subject = "after"});
      },
      {},
      {{.host = honest, .to = {"bait@in.example", "again@in.example"}, .subject = "y"}, to_bait}};
}

}  // namespace

TEST_CASE("plain relay: a 250, a bounce, a retry and an answer that never came survive") {
  survive({"relay", plain_settings(), [](SimulatedGateway& gateway, UpstreamMind&) {
             gateway.send({.to = {"one@in.example"}, .subject = "one"});
             gateway.send({.to = {"two@in.example", "three@far.example"}, .subject = "two"});
             gateway.send({.to = {"four@in.example", "refused@far.example"}, .subject = "three"});
             gateway.run();
             gateway.send({.host = honest, .to = {"later@in.example"}, .subject = "four"});
             gateway.send({.host = honest, .to = {"silent@in.example"}, .subject = "five"});
             gateway.send({.host = honest, .to = {"refused@in.example"}, .subject = "six"});
           }});
}

TEST_CASE("a cordon holds whatever its origin's messages are at") {
  survive(cordon_at(Moment::before_content, "before the gate"));
  survive(cordon_at(Moment::before_dot, "at the gate"));
  survive(cordon_at(Moment::after_dot, "past the gate"));
  survive(cordon_at(Moment::after_reply, "before the result is stored"));
}

TEST_CASE("while an alert cannot be stored nothing is committed, and then all goes on by itself") {
  for (const auto& [moment, name] : {std::pair(Moment::before_content, "before the gate"),
                                     std::pair(Moment::after_dot, "past the gate")}) {
    Scenario scenario = cordon_at(moment, name);
    scenario.name += ", and not stored for long";
    scenario.trouble = Trouble{.lasts = milliseconds(2500), .alerts_only = true};
    survive(scenario);
  }
}

// Who is tardy is late from the first try on, and gets it at the fourth.
TEST_CASE("a sender is told once of a delay, a failure and a success") {
  Settings settings = holding_settings();
  settings.delivery.delay_notice = Seconds(1);
  survive({"reports", settings, [](SimulatedGateway& gateway, UpstreamMind&) {
             gateway.send({.to = {"tardy@in.example", "one@in.example"},
                           .subject = "late",
                           .notify = cordon::smtp::notify::success | cordon::smtp::notify::delay});
             gateway.send({.to = {"two@in.example", "refused@far.example"},
                           .subject = "asked",
                           .notify = cordon::smtp::notify::success});
             gateway.send({.host = honest,
                           .to = {"refused@in.example", "tardy2@in.example"},
                           .subject = "unasked"});
           }});
}

TEST_CASE("who got mail of an intruder is warned once, and operators are told") {
  survive({"warnings", plain_settings(), [](SimulatedGateway& gateway, UpstreamMind&) {
             gateway.send({.to = {"one@in.example", "two@in.example"}, .subject = "a"});
             gateway.send({.to = {"two@in.example", "out@far.example"}, .subject = "b"});
             gateway.send({.to = {"silent@in.example"}, .subject = "c"});
             gateway.run();
             gateway.send(to_bait);
             gateway.send({.host = honest, .to = {"one@in.example"}, .subject = "d"});
           }});
}

TEST_CASE("what an operator decides is in force, or it was never decided") {
  survive({"operators", holding_settings(), [](SimulatedGateway& gateway, UpstreamMind&) {
             const Caller who{.uid = 0, .user = "root"};
             const auto freed = gateway.send({.to = {"one@in.example"}, .subject = "freed"});
             const auto gone = gateway.send({.to = {"two@in.example"}, .subject = "gone"});
             gateway.send({.to = {"three@in.example"}, .subject = "stays"});
             const auto frozen =
                 gateway.send({.host = honest, .to = {"four@in.example"}, .subject = "frozen"});
             const auto thawed =
                 gateway.send({.host = honest, .to = {"five@in.example"}, .subject = "thawed"});
             const auto hit = gateway.send(to_bait);
             gateway.run();
             gateway.operate([&](OperatorDesk& desk) {
               desk.release_messages(std::vector{hit}, who);
               desk.hold_messages(std::vector{frozen, thawed}, who);
               desk.release_messages(std::vector{freed}, who);
               desk.delete_messages(std::vector{gone}, who);
             });
             gateway.pass(milliseconds(3000));
             gateway.operate([&](OperatorDesk& desk) {
               desk.release_messages(std::vector{thawed}, who);
               for (const auto& cordon : gateway.real_store().reader()->cordons(false, 10))
                 desk.lift_cordon(cordon.id, false, who);
             });
             gateway.send({.to = {"six@in.example"}, .subject = "after the cordon"});
           }});
}

TEST_CASE("a cordon that was a mistake leaves nothing behind") {
  survive({"automatic reply", holding_settings(), [](SimulatedGateway& gateway, UpstreamMind&) {
             gateway.send({.to = {"one@in.example"}, .subject = "held"});
             gateway.run();
             gateway.send({.to = {"bait@in.example"}, .subject = "away", .automatic = true});
             gateway.send({.to = {"two@in.example"}, .subject = "next"});
           }});
  survive({"withdrawal", holding_settings(), [](SimulatedGateway& gateway, UpstreamMind&) {
             const Caller who{.uid = 0, .user = "root"};
             gateway.send({.to = {"one@in.example"}, .subject = "held"});
             gateway.run();
             gateway.operate([&](OperatorDesk& desk) {
               desk.add_cordon(gateway.origin(intruder), "a suspicion", who);
             });
             gateway.send({.to = {"two@in.example"}, .subject = "meanwhile"});
             gateway.send({.host = honest, .to = {"three@in.example"}, .subject = "other"});
             gateway.run();
             gateway.operate([&](OperatorDesk& desk) {
               for (const auto& cordon : gateway.real_store().reader()->cordons(false, 10))
                 desk.lift_cordon(cordon.id, true, who);
             });
           }});
}

TEST_CASE("content of several pieces arrives whole or not at all") {
  survive({"pieces", plain_settings(), [](SimulatedGateway& gateway, UpstreamMind&) {
             gateway.send({.to = {"one@in.example"}, .subject = "large", .octets = 150'000});
             gateway.send({.to = {"refused@in.example"}, .subject = "larger", .octets = 140'000});
             gateway.run();
             gateway.send({.host = honest, .to = {"later@in.example"}, .octets = 70'000});
           }});
}

TEST_CASE("who got it from one server gets it once, whatever another server does meanwhile") {
  survive({"many destinations", many_routes(), [](SimulatedGateway& gateway, UpstreamMind&) {
             gateway.send(
                 {.to = {"one@in.example", "hung@far.example", "refused@in.example"},
                  .subject = "one hangs",
                  .notify = cordon::smtp::notify::success | cordon::smtp::notify::failure});
             gateway.run();
             gateway.send({.host = honest,
                           .to = {"four@in.example", "five@far.example", "six@further.example"},
                           .subject = "none is late"});
             gateway.send({.host = honest,
                           .to = {"later@in.example", "two@far.example"},
                           .subject = "one waits"});
             gateway.send({.host = honest,
                           .to = {"silent@far.example", "three@in.example", "bait@in.example"},
                           .subject = "one is in doubt"});
           }});
}

TEST_CASE("a delivery is on record, and told, while another of the same message hangs") {
  const Folder folder;
  Ledger ledger;
  UpstreamMind upstream;
  copy_state(prepared_state(), folder.path / "0");
  MessageId id{};
  {
    CrashPoints points;
    SimulatedGateway gateway(folder.path / "0", many_routes(), {ledger, points, upstream, {}});
    gateway.start();
    id = gateway.send({.to = {"hung@far.example", "one@in.example"},
                       .subject = "halves",
                       .notify = cordon::smtp::notify::success});
    gateway.run();
    const auto reader = gateway.real_store().reader();
    const auto view = reader->message(id);
    CHECK(view->message.state == store::MessageState::claimed);
    CHECK(view->message.attempts == 0);
    CHECK(view->recipients.at(0).state == store::RecipientState::pending);
    CHECK(view->recipients.at(1).state == store::RecipientState::delivered);
    const auto all = reader->messages({});
    REQUIRE(all.size() == 2);
    CHECK(all.back().message.kind == store::MessageKind::bounce);  // the report of success
    CHECK(all.back().message.state == store::MessageState::committed);
    CHECK(gateway.gateway().counters().committed == 2);
    CHECK(gateway.gateway().counters().deferred == 0);
    ledger.crashed(claimed_in(gateway.real_store()));
    copy_state(folder.path / "0", folder.path / "1");
  }
  CrashPoints points;
  SimulatedGateway gateway(folder.path / "1", many_routes(), {ledger, points, upstream, {}});
  gateway.start();
  gateway.come_to_rest();
  const auto breaches = ledger.breaches(*gateway.real_store().reader());
  CHECK_MESSAGE(breaches.empty(), ledger.text());
  CHECK(gateway.real_store().reader()->message(id)->message.state ==
        store::MessageState::committed);
}

// ---- time

namespace {

// One life over a store and an upstream of its own, without crashes.
struct Life {
  explicit Life(const Settings& settings) {
    copy_state(prepared_state(), folder.path / "0");
    gateway.emplace(folder.path / "0", settings,
                    SimulatedGateway::Surroundings{ledger, points, upstream, {}});
    gateway->start();
  }
  void crash_and_start(const Settings& settings) {
    ledger.crashed(claimed_in(gateway->real_store()));
    copy_state(folder.path / "0", folder.path / "1");
    gateway.emplace(folder.path / "1", settings,
                    SimulatedGateway::Surroundings{ledger, points, upstream, {}});
    gateway->start();
  }
  // With a message for somebody whose server is away, which has its lane closed.
  void find_away() {
    gateway->send({.to = {"one@in.example"}, .subject = "in front"});
    gateway->run();
  }
  store::RecipientState fate_of(MessageId id, std::size_t index = 0) {
    return reader().message(id)->recipients.at(index).state;
  }
  std::size_t warnings() { return reader().warnings({}, UINT32_MAX).size(); }
  // Messages that are ours, whatever became of them.
  std::size_t notices() {
    std::size_t count = 0;
    for (const auto& view : reader().messages({.limit = UINT32_MAX}))
      count += view.message.kind == store::MessageKind::bounce ? 1 : 0;
    return count;
  }
  store::Reader& reader() {
    reader_ = gateway->real_store().reader();
    return *reader_;
  }

  const Folder folder;
  Ledger ledger;
  UpstreamMind upstream;
  CrashPoints points;
  std::optional<SimulatedGateway> gateway;

 private:
  std::unique_ptr<store::Reader> reader_;
};

// Nobody listens where mail goes; a look is taken there every five minutes. Notices go elsewhere.
Settings away_settings() {
  Settings settings = plain_settings();
  settings.routes["smarthost"].port = 1;
  settings.routes["smarthost"].connect_timeout = Seconds(1);
  settings.routes["notices"].max_connections = 1;
  settings.notices.route = "notices";
  settings.delivery.first_retry = Seconds(300);
  settings.delivery.delay_notice = Seconds(1000);
  settings.delivery.queue_lifetime = Seconds(2000);
  return settings;
}

}  // namespace

TEST_CASE(
    "a server that never answers keeps back warnings for a minute, and none is written twice") {
  Settings settings = plain_settings();
  settings.delivery.data_timeout = Seconds(180);
  Life life(settings);
  life.gateway->send({.to = {"one@in.example"}, .subject = "a"});
  life.gateway->run();
  life.gateway->send({.to = {"hung@in.example", "one@in.example"}, .subject = "b"});
  life.gateway->run();
  life.gateway->send(to_bait);
  life.gateway->pass(milliseconds(59'000), milliseconds(1000));
  CHECK(life.warnings() == 0);
  life.gateway->pass(milliseconds(2000));
  const auto written = life.reader().warnings({}, UINT32_MAX);
  REQUIRE(written.size() == 2);
  for (const auto& warning : written)
    CHECK_MESSAGE(warning.certain == (warning.recipient == "one@in.example"), warning.recipient);
  CHECK(life.reader().messages({.limit = 3}).at(1).message.state == store::MessageState::claimed);

  life.gateway->pass(milliseconds(180'000),
                     milliseconds(10'000));  // it was given up, and is in quarantine now
  life.gateway->come_to_rest();
  CHECK(life.warnings() == 2);
  const auto breaches = life.ledger.breaches(*life.gateway->real_store().reader());
  CHECK_MESSAGE(breaches.empty(), life.ledger.text());
}

TEST_CASE("warnings that did not wait for a silent server survive every crash") {
  Settings settings = many_routes();
  settings.delivery.data_timeout = Seconds(65);
  survive({"silence", settings, [](SimulatedGateway& gateway, UpstreamMind&) {
             gateway.send({.to = {"hung@far.example", "one@in.example"}, .subject = "a"});
             gateway.run();
             gateway.send(to_bait);
             gateway.pass(milliseconds(70'000), milliseconds(5000));
           }});
}

TEST_CASE("while a server is away all senders hear of delays and failures in time") {
  constexpr std::size_t many = 350;
  Life life(away_settings());
  for (std::size_t i = 0; i < many; ++i) {
    life.gateway->send({.to = {"one@in.example"}, .subject = "late"});
    life.gateway->run();
  }
  life.gateway->pass(milliseconds(990'000), milliseconds(10'000));
  CHECK(life.notices() == 0);
  life.gateway->pass(milliseconds(20'000), milliseconds(10'000));
  CHECK(life.notices() == many);
  life.gateway->pass(milliseconds(980'000), milliseconds(10'000));
  CHECK(life.notices() == many);
  life.gateway->pass(milliseconds(20'000), milliseconds(10'000));
  CHECK(life.notices() == 2 * many);
  CHECK(life.gateway->gateway().counters().failed == many);
}

TEST_CASE("what was never tried till its end gets more than one look at its server") {
  Settings settings = away_settings();
  settings.delivery.delay_notice = Seconds(0);
  settings.delivery.max_concurrent = 20;  // at each opening: too few for all of them
  constexpr std::size_t many = 350;
  Life life(settings);
  for (std::size_t i = 0; i < many; ++i) {
    life.gateway->send({.to = {"one@in.example"}, .subject = "old"});
    life.gateway->run();
  }
  life.gateway->pass(milliseconds(2'010'000), milliseconds(10'000));
  CHECK(life.notices() < many);
  life.gateway->pass(milliseconds(300'000), milliseconds(10'000));
  CHECK(life.notices() == many);
}

TEST_CASE("of one message none waits for the server of another, however many wait in front") {
  Settings settings = away_settings();
  settings.routes["far"].domains = {"far.example"};
  Life life(settings);
  for (std::size_t i = 0; i < 200; ++i) life.find_away();
  const MessageId halves =
      life.gateway->send({.to = {"one@in.example", "two@far.example", "later@far.example"}});
  life.gateway->pass(milliseconds(1000));
  CHECK(life.fate_of(halves, 0) == store::RecipientState::pending);
  CHECK(life.fate_of(halves, 1) == store::RecipientState::delivered);
  REQUIRE(life.fate_of(halves, 2) == store::RecipientState::pending);
  life.gateway->pass(milliseconds(310'000), milliseconds(10'000));
  CHECK(life.fate_of(halves, 0) == store::RecipientState::pending);
  CHECK(life.fate_of(halves, 2) == store::RecipientState::delivered);
}

TEST_CASE("after a restart a closed route keeps back no mail of another") {
  Settings settings = away_settings();
  settings.cordoning.period = Seconds(20);
  settings.routes["far"].domains = {"far.example"};
  Life life(settings);
  life.find_away();
  life.gateway->pass(milliseconds(10'000));
  const MessageId far = life.gateway->send({.to = {"one@far.example"}, .subject = "far"});
  life.gateway->pass(milliseconds(5000));
  life.crash_and_start(settings);
  life.gateway->pass(milliseconds(40'000), milliseconds(1000));
  CHECK(life.fate_of(far) == store::RecipientState::delivered);
}

TEST_CASE("after a reload a closed route keeps back no mail of another, and no look counts") {
  Settings settings = away_settings();
  Life life(settings);
  for (std::size_t i = 0; i < 200; ++i) life.find_away();
  const MessageId kept = life.gateway->send({.to = {"one@in.example"}, .subject = "kept"});
  const MessageId far = life.gateway->send({.to = {"one@far.example"}, .subject = "far"});
  life.gateway->pass(milliseconds(1000));
  settings.routes["far"].domains = {"far.example"};
  life.gateway->reload(settings);
  life.gateway->pass(milliseconds(1000));
  CHECK(life.fate_of(far) == store::RecipientState::delivered);
  CHECK(life.reader().message(kept)->message.attempts == 0);
}

TEST_CASE("a lane without mail wakes for its own, while another is full and has some that waits") {
  Settings settings = many_routes();
  settings.cordoning.period = Seconds(10);
  settings.delivery.data_timeout = Seconds(600);
  settings.delivery.max_concurrent = 1;
  Life life(settings);
  life.gateway->send({.to = {"hung@in.example"}, .subject = "takes the place"});
  life.gateway->pass(milliseconds(5000));
  life.gateway->send({.to = {"one@in.example"}, .subject = "waits for it"});
  life.gateway->pass(milliseconds(6000));
  const MessageId far = life.gateway->send({.to = {"one@far.example"}, .subject = "far"});
  life.gateway->pass(milliseconds(11'000));
  CHECK(life.fate_of(far) == store::RecipientState::delivered);
}
