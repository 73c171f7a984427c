// What a store was told and what it answered, and so what it must have: every change that was
// acknowledged, none that was not submitted, and each batch whole or not at all.
//
// A thing is a message, an alert, an origin, ...: its state is told as one line of text, "absent"
// if the store has none. A change says what that line is to be once its batch is applied. The
// changes of one thing are submitted one after another, each after the answer to the one before.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "disk_recorder.h"
#include "store/store.h"

namespace cordon::store::disk {

enum class ThingKind : std::uint8_t { message, origin, alert, cordon, warnings, bait };
using Thing = std::size_t;
using Look = std::function<std::string(Reader&)>;
inline constexpr const char* absent = "absent";

struct Change {
  Thing thing{};
  std::string becomes;
};

// A point in the life of the store at which it is looked at.
struct Moment {
  std::size_t position = 0;  // in the recorder's log
  // Found after the loss of power: what was answered with an error may be there still, if nothing
  // was acknowledged since (its commit may have reached the disk although the sync failed).
  bool after_power_loss = true;
};

class Ledger {
 public:
  explicit Ledger(const Recorder& recorder) : recorder_(recorder) {}

  // `id` is what the store's next_..._id() must never give again; 0: it has none of its own.
  Thing add(ThingKind kind, std::int64_t id, Look look);

  // Any number at once. The answer is noted when it comes.
  void submit(Store& store, Batch batch, std::vector<Change> changes);
  void wait();  // for all answers
  Answer last_answer() const;
  std::size_t refused() const;  // batches answered with an error

  // What contradicts the ledger, in words; empty if all is well. May throw what a Reader throws.
  std::vector<std::string> complaints(Store& store, Moment moment) const;
  std::size_t things(ThingKind kind) const;

 private:
  struct Entry {
    std::size_t submitted = 0;              // position before
    std::optional<std::size_t> answered{};  // position at the answer
    bool applied = false;
    bool commits = false;  // it changes things: pieces of content wait for their message
  };
  struct Step {
    std::size_t entry = 0;
    std::string becomes;
  };
  struct Kept {
    ThingKind kind{};
    std::int64_t id = 0;
    Look look;
    std::vector<Step> steps;
  };
  enum class Fate : std::uint8_t { none, applied, refused, open };
  class Verdict;

  Fate fate(const Entry& entry, Moment moment) const;

  const Recorder& recorder_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Entry> entries_;
  std::vector<Kept> things_;
  std::size_t waiting_ = 0;
  Answer last_answer_;
};

}  // namespace cordon::store::disk
