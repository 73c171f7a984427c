// The power fails under the file of keys, at any point: it can be opened again, a key that was
// destroyed before the last sync is nowhere in it, and one that was put before that and not touched
// since is there.
//
// CORDON_SEED: of workload and outcomes.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <system_error>

#include <doctest/doctest.h>

#include "disk_model.h"
#include "disk_recorder.h"
#include "power_loss_place.h"
#include "store/key_file.h"

namespace cordon::store::disk {
namespace {

namespace fs = std::filesystem;

// Nowhere else in a record, also not shifted: its marks, below 0x80, stand in one way only.
MessageKey key_number(std::uint64_t number) {
  MessageKey key;
  for (std::size_t i = 0; i < key.octets.size(); ++i) {
    const std::size_t part = i % 8;
    key.octets[i] =
        static_cast<std::uint8_t>(part == 0 ? i / 8 + 1 : 0x80U | (number >> ((part - 1) * 7)));
  }
  return key;
}

std::string text_of(const MessageKey& key) { return {key.octets.begin(), key.octets.end()}; }

// What a sync promised, once the log has come to `position`.
struct Promise {
  std::size_t position = 0;
  std::map<MessageId, std::uint64_t> kept;  // number of its key
  std::set<std::uint64_t> gone;             // numbers of keys
};
struct Change {
  std::size_t position = 0;  // of its beginning
  MessageId message{};
};

// One life of a file, on the record.
class Life {
 public:
  explicit Life(std::uint64_t seed) : random_(seed), recorder_(directory_.path()) {
    promises_.push_back({});
    KeyFile keys(directory_.path());
    for (int step = 0; step < 900; ++step) {
      change(keys);
      // Growing, then shrinking, so that space is given back.
      if (step % 300 == 299) destroy_most(keys);
      if (step % 300 == 299 || below(random_, 40) == 0) sync(keys);
    }
    log_ = recorder_.stop();
  }

  const Log& log() const { return log_; }

  void check(const fs::path& remains, std::size_t position) const {
    const Promise& promise = *std::prev(
        std::upper_bound(promises_.begin(), promises_.end(), position,
                         [](std::size_t at, const Promise& one) { return at < one.position; }));
    const std::string octets = octets_of(remains / keys_name);
    for (const std::uint64_t number : promise.gone) {
      REQUIRE(octets.find(text_of(key_number(number))) == std::string::npos);
    }
    fs::permissions(remains, fs::perms::owner_all);
    for (const auto& entry : fs::directory_iterator(remains)) {
      fs::permissions(entry, fs::perms::owner_read | fs::perms::owner_write);
    }
    const KeyFile keys(remains);
    for (const MessageId message : keys.kept()) {
      REQUIRE(ever_put_.contains({message, text_of(*keys.get(message))}));
    }
    const auto touched = changed_between(promise.position, position);
    for (const auto& [message, number] : promise.kept) {
      if (!touched.contains(message)) REQUIRE(keys.get(message) == key_number(number));
    }
  }

 private:
  static std::string octets_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::set<MessageId> changed_between(std::size_t from, std::size_t to) const {
    std::set<MessageId> touched;
    for (const Change& change : changes_) {
      if (change.position >= from && change.position <= to) touched.insert(change.message);
    }
    return touched;
  }

  void change(KeyFile& keys) {
    if (!now_.kept.empty() && below(random_, 3) == 0) {
      const auto any = std::next(now_.kept.begin(),
                                 static_cast<std::ptrdiff_t>(below(random_, now_.kept.size())));
      return below(random_, 2) == 0 ? put(keys, any->first) : destroy(keys, any->first);
    }
    put(keys, MessageId{++last_message_});
  }
  void put(KeyFile& keys, MessageId message) {
    changes_.push_back({recorder_.position(), message});
    if (const auto before = now_.kept.find(message); before != now_.kept.end()) {
      now_.gone.insert(before->second);
    }
    const std::uint64_t number = ++last_key_;
    ever_put_.insert({message, text_of(key_number(number))});
    keys.put(message, WallTime(std::chrono::seconds(number)), key_number(number));
    now_.kept[message] = number;
  }
  void destroy(KeyFile& keys, MessageId message) {
    changes_.push_back({recorder_.position(), message});
    keys.destroy(message);
    now_.gone.insert(now_.kept.at(message));
    now_.kept.erase(message);
  }
  void destroy_most(KeyFile& keys) {
    while (now_.kept.size() > 5) destroy(keys, now_.kept.rbegin()->first);
  }
  void sync(KeyFile& keys) {
    keys.sync();
    now_.position = recorder_.position();
    promises_.push_back(now_);
  }

  Random random_;
  QuickDirectory directory_;
  Recorder recorder_;
  Log log_;
  Promise now_;
  std::vector<Promise> promises_;
  std::vector<Change> changes_;
  std::set<std::pair<MessageId, std::string>> ever_put_;
  std::int64_t last_message_ = 0;
  std::uint64_t last_key_ = 0;
};

std::uint64_t run_seed() {
  const char* text = std::getenv("CORDON_SEED");
  static const std::uint64_t seed =
      text != nullptr ? std::strtoull(text, nullptr, 10) : std::random_device{}();
  return seed;
}

TEST_CASE("keys: after an outage at any point no destroyed key is back, and no kept one lost") {
  CAPTURE(run_seed());
  const Life life(run_seed());
  Random random(run_seed());
  DiskModel model(life.log(), run_seed());
  const QuickDirectory directory;
  for (std::size_t position = 0; position <= life.log().events.size(); ++position) {
    CAPTURE(position);
    model.advance_to(position);
    model.lose_power(random).save(directory.path());
    life.check(directory.path(), position);
  }
}

// Where a file was cut, what had been there was never written over on the disk otherwise.
TEST_CASE("keys: space is given back only once what was in it is overwritten and synced") {
  CAPTURE(run_seed());
  const Life life(run_seed());
  std::map<FileNumber, std::map<std::uint64_t, std::uint64_t>> unsynced;  // offsets, by file
  std::uint64_t event_number = 0;
  std::map<std::uint64_t, std::uint64_t> begun;  // syncs
  std::size_t cuts = 0;
  for (const Event& event : life.log().events) {
    ++event_number;
    if (const auto* write = std::get_if<Written>(&event))
      unsynced[write->file][write->offset] = event_number;
    if (const auto* begin = std::get_if<SyncBegun>(&event)) begun[begin->sync] = event_number;
    if (const auto* end = std::get_if<SyncEnded>(&event))
      std::erase_if(unsynced[end->file],
                    [&](const auto& write) { return write.second < begun[end->sync]; });
    if (const auto* cut = std::get_if<Resized>(&event)) {
      ++cuts;
      const auto& waiting = unsynced[cut->file];
      CHECK(waiting.lower_bound(cut->size) == waiting.end());
    }
  }
  CHECK(cuts >= 2);
}

TEST_CASE("keys: what a sync failed to put on the disk is written again for the next") {
  const QuickDirectory directory;
  Recorder recorder(directory.path());
  {
    KeyFile keys(directory.path());
    keys.put(MessageId{1}, WallTime{}, key_number(1));
    keys.put(MessageId{2}, WallTime{}, key_number(2));
    keys.sync();
    keys.destroy(MessageId{1});
    recorder.fail({.kind = FaultKind::sync_error, .only = keys_name});
    CHECK_THROWS_AS(keys.sync(), std::system_error);
    recorder.end_fault();
    keys.sync();
  }
  const Log log = recorder.stop();
  // What a failed sync left may be there or not.
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Random random(seed);
    DiskModel model(log, seed);
    model.advance_to(log.events.size());
    const QuickDirectory after;
    model.lose_power(random).save(after.path());
    std::ifstream file(after.path() / keys_name, std::ios::binary);
    const std::string octets{std::istreambuf_iterator<char>(file), {}};
    CHECK(octets.find(text_of(key_number(1))) == std::string::npos);
    CHECK(octets.find(text_of(key_number(2))) != std::string::npos);
  }
}

TEST_CASE(
    "keys: a key that the disk does not take is not kept, and the one before is gone in time") {
  const QuickDirectory directory;
  Recorder recorder(directory.path());
  KeyFile keys(directory.path());
  keys.put(MessageId{1}, WallTime{}, key_number(1));
  SUBCASE("put") {
    recorder.fail({.kind = FaultKind::write_full, .only = keys_name});
    CHECK_THROWS_AS(keys.put(MessageId{1}, WallTime{}, key_number(2)), std::system_error);
    CHECK_FALSE(keys.holds(MessageId{1}));
  }
  SUBCASE("destroy") {
    recorder.fail({.kind = FaultKind::write_error, .only = keys_name});
    CHECK_THROWS_AS(keys.destroy(MessageId{1}), std::system_error);
    CHECK(keys.holds(MessageId{1}));
    recorder.end_fault();
    keys.destroy(MessageId{1});
  }
  SUBCASE("destroy what is older") {
    keys.put(MessageId{2}, WallTime{}, key_number(2));
    recorder.fail({.kind = FaultKind::write_full, .only = keys_name});
    CHECK(keys.destroy_older(WallTime::max()).size() == 1);
    recorder.end_fault();
    CHECK(keys.destroy_older(WallTime::max()).size() == 1);
  }
  recorder.end_fault();
  keys.sync();
  std::ifstream file(directory.path() / keys_name, std::ios::binary);
  const std::string octets{std::istreambuf_iterator<char>(file), {}};
  CHECK(octets.find(text_of(key_number(1))) == std::string::npos);
  CHECK(keys.kept().empty());
}

}  // namespace
}  // namespace cordon::store::disk
