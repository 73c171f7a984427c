// A device that fails under the store: every write and every sync in turn, for a moment and for a
// while, also with the power going afterwards. What was acknowledged stays, what was refused is not
// there, and the store goes on by itself when the fault ends.
//
// CORDON_SEED: of workload and outcomes.
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <utility>

#include <doctest/doctest.h>

#include "disk_model.h"
#include "fixture.h"
#include "power_loss_ledger.h"
#include "power_loss_place.h"
#include "power_loss_workload.h"
#include "store/sqlite_store.h"

namespace cordon::store::disk {
namespace {

// More refusals in a row than any fault here can cause.
constexpr int enough_tries = 40;

std::uint64_t run_seed() {
  const char* text = std::getenv("CORDON_SEED");
  static const std::uint64_t seed =
      text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device{}();
  return seed;
}

SqliteOptions options_for(const std::filesystem::path& directory, std::uint32_t checkpoint_pages) {
  SqliteOptions options;
  options.directory = directory;
  options.reserve_octets = std::uint64_t{16} * 1024;
  options.checkpoint_pages = checkpoint_pages;
  return options;
}

// A store whose device fails as told, and what is wrong with it afterwards.
class Trial {
 public:
  explicit Trial(std::uint64_t seed, std::uint32_t checkpoint_pages = 24)
      : checkpoint_pages_(checkpoint_pages),
        random_(seed),
        recorder_(directory_.path()),
        ledger_(recorder_),
        workload_(ledger_, seed) {}

  Recorder& recorder() { return recorder_; }
  Workload& workload() { return workload_; }
  Store& store() { return *store_; }
  std::vector<std::string>& complaints() { return complaints_; }

  // Opens, as often as it takes: nobody has been promised anything yet.
  void open() {
    for (int tries = 0; !store_; ++tries) {
      try {
        store_ = open_sqlite_store(options_for(directory_.path(), checkpoint_pages_));
      } catch (const OpenError& error) {
        if (tries == enough_tries) throw;
      }
    }
  }

  // Until it is applied, as the gateway does with what it decided itself.
  void insist(const Deed& deed) {
    for (int tries = 0; tries < enough_tries; ++tries) {
      if (try_once(deed)) return;
    }
    complaints_.push_back("does not go on: " + ledger_.last_answer().detail);
  }

  // As a client does: what was refused is given up, and comes again as a new message.
  Mail bring_mail(std::size_t octets, std::size_t recipients) {
    for (int tries = 0; tries < enough_tries; ++tries) {
      Arrival arrival = workload_.new_mail(*store_, octets, recipients);
      if (std::all_of(arrival.deeds.begin(), arrival.deeds.end(),
                      [this](const Deed& deed) { return try_once(deed); })) {
        return std::move(arrival.mail);
      }
      insist({{DropBody{arrival.mail.expected.message.id}}, {}});
    }
    complaints_.push_back("takes no mail: " + ledger_.last_answer().detail);
    return {};
  }

  // Some of all that a store is asked to do; checkpoints come in between.
  void work() {
    insist(workload_.new_origin(*store_));
    insist(workload_.new_origin(*store_));
    for (const std::size_t octets : {900, 5000, 150'000, 30'000}) {
      Mail mail = bring_mail(octets, 2);
      if (complaints_.empty()) insist(workload_.claim(mail));
      if (complaints_.empty())
        insist(octets == 5000 ? workload_.defer(mail) : workload_.deliver(mail));
    }
    insist(workload_.raise(*store_));
    insist(workload_.warn(*store_));
    bring_mail(2000, 1);
  }

  // While it is open, after a loss of power now or at any time since the fault, and after a close.
  void check_all() {
    collect(*store_, "while open", {recorder_.position(), false});
    const Log log = recorder_.so_far();
    const std::size_t end = log.events.size();
    const std::size_t fault = recorder_.fault_position().value_or(0);
    for (const std::size_t place : {end, fault + below(random_, end - fault + 1)}) {
      lose_power(log, place);
    }
    store_.reset();
    open_and_collect(directory_.path(), "opened again", {end, false});
  }

 private:
  bool try_once(const Deed& deed) {
    ledger_.submit(*store_, deed.batch, deed.changes);
    ledger_.wait();
    return ledger_.last_answer().ok();
  }

  void lose_power(const Log& log, std::size_t place) {
    DiskModel model(log, random_());
    model.advance_to(place);
    const QuickDirectory remains;
    model.lose_power(random_).save(remains.path());
    open_and_collect(remains.path(), "after power loss", {place, true});
  }

  void open_and_collect(const std::filesystem::path& directory, const std::string& when,
                        Moment moment) {
    try {
      collect(*open_sqlite_store(options_for(directory, checkpoint_pages_)), when, moment);
    } catch (const std::exception& error) {
      complaints_.push_back(when + ": " + error.what());
    }
  }

  void collect(Store& store, const std::string& when, Moment moment) {
    for (const std::string& words : ledger_.complaints(store, moment)) {
      complaints_.push_back(when);
      complaints_.back().append(": ").append(words);
    }
  }

  const std::uint32_t checkpoint_pages_;
  Random random_;
  QuickDirectory directory_;
  Recorder recorder_;
  Ledger ledger_;
  Workload workload_;
  std::unique_ptr<Store> store_;
  std::vector<std::string> complaints_;
};

struct Series {
  const char* words;
  FaultKind kind;
  std::uint64_t times;
  std::uint64_t stride;    // of the calls that fail first
  const char* never = "";  // of this file
};

// Fails one call after the other; ends when the workload is over before the call comes.
void fail_each(const Series& series) {
  const std::uint64_t seed = run_seed();
  std::uint64_t trials = 0;
  for (std::uint64_t call = seed % series.stride;; call += series.stride, ++trials) {
    Trial trial(seed + call);
    trial.recorder().fail({series.kind, call, series.times, "", series.never});
    trial.open();
    trial.work();
    const bool came = trial.recorder().fault_position().has_value();
    trial.recorder().end_fault();
    trial.insist(trial.workload().new_bait(trial.store()));
    trial.check_all();
    for (const std::string& words : trial.complaints()) FAIL_CHECK(words);
    CAPTURE(call);
    CAPTURE(seed);
    REQUIRE(trial.complaints().empty());
    if (!came) break;
  }
  std::cout << series.words << ": " << trials << " trials, seed " << seed << "\n";
  CHECK(trials > 10);
}

TEST_CASE("a write that fails") { fail_each({"EIO on a write", FaultKind::write_error, 1, 1}); }

TEST_CASE("a device that is full for a while") {
  fail_each({"ENOSPC on writes", FaultKind::write_full, 6, 3});
}

TEST_CASE("a write that is cut short, on a device that then is full") {
  fail_each({"short writes", FaultKind::write_short, 1, 3});
}

TEST_CASE("a sync that fails") { fail_each({"EIO on a sync", FaultKind::sync_error, 1, 1}); }

// Not those of the database itself: who reads in the moment before the log is copied again would
// meet what was there long ago. In truth the kernel forgets pages only when it needs their memory.
TEST_CASE("a sync that fails, and the kernel forgets the pages") {
  fail_each({"EIO on a sync, pages lost", FaultKind::sync_error_losing_pages, 1, 1, "cordon.db"});
}

TEST_CASE("syncs that fail for a while, and the kernel forgets the pages") {
  fail_each({"EIO on syncs, pages lost", FaultKind::sync_error_losing_pages, 4, 1, "cordon.db"});
}

// Brings mail until `enough`, which must come before very much of it.
template <typename Condition>
bool bring_until(Trial& trial, Condition enough) {
  for (int mails = 0; mails < 100 && trial.complaints().empty(); ++mails) {
    if (enough()) return true;
    trial.bring_mail(30'000, 1);
  }
  return enough();
}

// SQLite syncs the database only at the end of a copy of the whole log (wal.c, walCheckpoint), and
// goes on later from where a copy of a part of it ended. When that sync fails, what the part
// brought may be gone, and a later sync that succeeds says nothing about it (fsync(2)).
TEST_CASE("a log whose copy may not be on the disk is not given up") {
  const std::uint64_t seed = run_seed();
  CAPTURE(seed);
  Trial trial(seed, 100);
  trial.open();
  trial.insist(trial.workload().new_origin(trial.store()));
  // In rows, on pages that nothing later changes: a copy of a part has something to write.
  for (int mails = 0; mails < 3; ++mails) trial.bring_mail(30'000, 1);
  bool copied_in_part = false;
  const auto reader = trial.store().reader();
  reader->unsettled([&](const Unsettled&) {  // what comes now is beyond what this reader sees
    if (copied_in_part) return;
    const std::uint64_t writes = trial.recorder().writes_to("cordon.db");
    copied_in_part =
        bring_until(trial, [&] { return trial.recorder().writes_to("cordon.db") > writes; });
  });
  REQUIRE(copied_in_part);
  trial.recorder().fail({FaultKind::sync_error, 0, 1, "cordon.db", ""});
  REQUIRE(bring_until(trial, [&] { return trial.recorder().fault_position().has_value(); }));
  trial.recorder().end_fault();
  const std::uint64_t syncs = trial.recorder().syncs_of("cordon.db");
  bring_until(trial, [&] { return trial.recorder().syncs_of("cordon.db") > syncs + 1; });
  trial.check_all();
  for (const std::string& words : trial.complaints()) FAIL_CHECK(words);
}

}  // namespace
}  // namespace cordon::store::disk
