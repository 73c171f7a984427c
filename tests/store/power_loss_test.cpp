// The log of everything a store did to its disk is cut at each sync and at random points; whatever
// a disk may hold after losing its power there, the store opens and has all that it acknowledged.
//
// CORDON_CUTS: how many cuts (scales the run), CORDON_SEED: of workload and outcomes.
#include <cstdlib>
#include <iostream>

#include <doctest/doctest.h>

#include "disk_model.h"
#include "fixture.h"
#include "power_loss_ledger.h"
#include "power_loss_place.h"
#include "power_loss_workload.h"
#include "store/opening.h"
#include "store/sqlite.h"
#include "store/sqlite_store.h"

namespace cordon::store::disk {
namespace {

#if defined(__SANITIZE_THREAD__)
constexpr std::size_t usual_cuts = 100;
#elif defined(__SANITIZE_ADDRESS__)
constexpr std::size_t usual_cuts = 300;
#else
constexpr std::size_t usual_cuts = 2200;
#endif

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::uint64_t run_seed() {
  static const std::uint64_t seed = setting("CORDON_SEED", std::random_device{}());
  return seed;
}

SqliteOptions options_for(const std::filesystem::path& directory) {
  SqliteOptions options;
  options.directory = directory;
  options.reserve_octets = std::uint64_t{16} * 1024;
  options.checkpoint_pages = 96;  // a checkpoint every few rounds
  return options;
}

// One life of a store, on the record: made, used, closed and opened again.
struct Life {
  explicit Life(std::uint64_t seed, int rounds)
      : recorder(directory.path()), ledger(recorder), workload(ledger, seed) {
    for (int run = 0; run < 3; ++run) {
      const auto store = open_sqlite_store(options_for(directory.path()));
      workload.run(*store, rounds);
    }
    log = recorder.stop();
  }

  QuickDirectory directory;
  Recorder recorder;
  Ledger ledger;
  Workload workload;
  Log log;
};

void check_integrity(const std::filesystem::path& directory, std::vector<std::string>& complaints) {
  Database db(directory / database_name, SQLITE_OPEN_READWRITE);
  Query check = db.query("PRAGMA integrity_check(1)");
  if (check.step() && check.text(0) != "ok") complaints.push_back(check.string(0));
}

// Goes on with what the outage left in the directory.
std::vector<std::string> complaints_after(const std::filesystem::path& directory,
                                          const Ledger& ledger, Moment moment, bool thorough) {
  std::vector<std::string> complaints;
  try {
    {
      const auto store = open_sqlite_store(options_for(directory));
      complaints = ledger.complaints(*store, moment);
      const Answer answer = submit_and_wait(*store, {plain(*store)});  // it is of use again
      if (!answer.ok()) complaints.push_back("refuses new mail: " + answer.detail);
    }
    if (thorough) check_integrity(directory, complaints);
  } catch (const std::exception& error) {
    complaints.emplace_back(error.what());
  }
  return complaints;
}

// Every place before, within and after a sync, as far as `cuts` allows, then random ones; in order.
std::vector<std::size_t> places_to_cut(const Log& log, std::size_t cuts, Random& random) {
  std::set<std::size_t> at_syncs;
  for (std::size_t i = 0; i < log.events.size(); ++i) {
    const Event& event = log.events[i];
    if (std::holds_alternative<SyncBegun>(event) || std::holds_alternative<SyncEnded>(event)) {
      at_syncs.insert({i, i + 1});
    }
  }
  std::vector<std::size_t> places(at_syncs.begin(), at_syncs.end());
  if (places.size() > cuts) {
    std::shuffle(places.begin(), places.end(), random);
    places.resize(cuts);
  }
  while (places.size() < cuts) places.push_back(below(random, log.events.size() + 1));
  std::sort(places.begin(), places.end());
  return places;
}

// The power fails again while the store recovers: recorded and cut like the first time.
std::vector<std::string> complaints_after_second(const std::filesystem::path& directory,
                                                 const Ledger& ledger, Moment moment,
                                                 Random& random) {
  Recorder recorder(directory);
  try {
    open_sqlite_store(options_for(directory));
  } catch (const std::exception& error) {
    return {error.what()};
  }
  const Log log = recorder.stop();
  DiskModel model(log, random());
  model.advance_to(below(random, log.events.size() + 1));
  const QuickDirectory second;
  model.lose_power(random).save(second.path());
  return complaints_after(second.path(), ledger, moment, true);
}

struct Tally {
  std::size_t cuts = 0;
  std::size_t second_cuts = 0;
  std::size_t losing = 0;  // cuts with complaints
  std::vector<std::string> first_complaints;
};

Tally cut(const Life& life, std::size_t cuts, std::uint64_t seed, const std::string& lies_about) {
  Random random(seed);
  DiskModel model(life.log, seed, lies_about);
  const QuickDirectory directory;
  Tally tally;
  for (const std::size_t place : places_to_cut(life.log, cuts, random)) {
    model.advance_to(place);
    const Remains remains = model.lose_power(random);
    remains.save(directory.path());
    auto complaints =
        complaints_after(directory.path(), life.ledger, {place}, tally.cuts % 32 == 0);
    if (complaints.empty() && tally.cuts % 8 == 0) {
      remains.save(directory.path());
      complaints = complaints_after_second(directory.path(), life.ledger, {place}, random);
      ++tally.second_cuts;
    }
    ++tally.cuts;
    if (complaints.empty()) continue;
    if (tally.losing++ == 0) {
      tally.first_complaints = std::move(complaints);
      tally.first_complaints.push_back("at event " + std::to_string(place) + " of " +
                                       std::to_string(life.log.events.size()));
    }
  }
  return tally;
}

TEST_CASE("power may fail at any time: all that was acknowledged is there, whole, once") {
  const std::uint64_t seed = run_seed();
  const Life life(seed, 30);
  REQUIRE(life.ledger.refused() == 0);
  const Tally tally = cut(life, setting("CORDON_CUTS", usual_cuts), seed, "");
  std::cout << "power loss: " << tally.cuts << " cuts of " << life.log.events.size() << " events, "
            << tally.second_cuts << " cut again while recovering, seed " << seed << ", "
            << life.ledger.things(ThingKind::message) << " messages, "
            << life.ledger.things(ThingKind::alert) << " alerts\n";
  for (const std::string& complaint : tally.first_complaints) MESSAGE(complaint);
  CAPTURE(seed);
  CHECK(tally.losing == 0);
}

TEST_CASE("a disk that lies about syncing loses mail, and this test sees it") {
  const std::uint64_t seed = run_seed();
  const Life life(seed, 8);
  CAPTURE(seed);
  SUBCASE("the log: what was acknowledged is lost") {
    const Tally tally = cut(life, 100, seed, "-wal");
    CHECK(tally.losing > 10);
    CHECK(
        std::any_of(tally.first_complaints.begin(), tally.first_complaints.end(),
                    [](const std::string& words) { return words.find("is lost") != words.npos; }));
  }
  SUBCASE("the slots: content is not what it was") {
    const Tally tally = cut(life, 100, seed, "cordon.slots");
    CHECK(tally.losing > 10);
    CHECK(std::any_of(
        tally.first_complaints.begin(), tally.first_complaints.end(), [](const std::string& words) {
          return words.find("content") != words.npos || words.find("too short") != words.npos;
        }));
  }
  SUBCASE("the database: its log starts over too early") {
    CHECK(cut(life, 100, seed, "cordon.db").losing > 10);
  }
}

}  // namespace
}  // namespace cordon::store::disk
