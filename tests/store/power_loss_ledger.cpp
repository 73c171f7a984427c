#include "power_loss_ledger.h"

#include <algorithm>
#include <map>
#include <utility>

namespace cordon::store::disk {

// Looks at everything in the store and collects what is wrong with it.
class Ledger::Verdict {
 public:
  Verdict(const Ledger& ledger, Store& store, Moment moment)
      : ledger_(ledger), moment_(moment), reader_(store.reader()) {}

  std::vector<std::string> complaints(Store& store) {
    for (const Kept& thing : ledger_.things_) look_at(thing);
    look_for_strangers();
    look_at_next_ids(store);
    return std::move(complaints_);
  }

 private:
  static const char* word(ThingKind kind) {
    constexpr std::array words{"message", "origin", "alert", "cordon", "warnings of", "bait"};
    return words[static_cast<std::size_t>(kind)];
  }

  void complain(const Kept& thing, const std::string& what) {
    complaints_.push_back(std::string(word(thing.kind)) + " " + std::to_string(thing.id) + " " +
                          what);
  }

  void look_at(const Kept& thing) {
    std::string certain = absent;
    const Step* open = nullptr;
    for (const Step& step : thing.steps) {
      switch (ledger_.fate(ledger_.entries_[step.entry], moment_)) {
        case Fate::applied:
          certain = step.becomes;
          open = nullptr;
          break;
        case Fate::open:
          open = &step;
          break;
        case Fate::none:
        case Fate::refused:
          break;
      }
    }
    const std::string seen = thing.look(*reader_);
    if (seen != absent) {
      present_.insert({thing.kind, thing.id});
      std::int64_t& highest = highest_[thing.kind];
      highest = std::max(highest, thing.id);
    }
    if (open != nullptr && open->becomes != certain) {
      if (seen == open->becomes) return note_half(thing, *open, true);
      if (seen == certain) return note_half(thing, *open, false);
    }
    if (seen == certain) return;
    complain(thing, (certain != absent && seen == absent ? "is lost: " : "is wrong: ") +
                        ("expected \"" + certain) + "\"" +
                        (open != nullptr ? " or \"" + open->becomes + "\"" : "") + ", found \"" +
                        seen + "\"");
  }

  // The changes of one batch are all there or none of them.
  void note_half(const Kept& thing, const Step& step, bool applied) {
    const auto [first, fresh] = whole_.try_emplace(step.entry, applied);
    if (!fresh && first->second != applied) complain(thing, "shows a batch that applied in part");
  }

  void look_for_strangers() {
    std::set<MessageId> unsettled;
    reader_->unsettled([&](const Unsettled& row) { unsettled.insert(row.id); });
    std::set<MessageId> all;
    MessageFilter filter;
    filter.which = MessageFilter::Which::all;
    filter.limit = 1'000'000;
    for (const MessageView& view : reader_->messages(filter)) {
      const MessageId id = view.message.id;
      const std::string words = "message " + std::to_string(static_cast<std::int64_t>(id));
      if (!all.insert(id).second) complaints_.push_back(words + " is there twice");
      if (!present_.contains({ThingKind::message, static_cast<std::int64_t>(id)})) {
        complaints_.push_back(words + " was never submitted");
      }
      const bool settled = view.message.state > MessageState::uncertain;
      if (settled == (unsettled.count(id) > 0)) {
        complaints_.push_back(words + " is settled in one list and not in the other");
      }
    }
    if (!std::includes(all.begin(), all.end(), unsettled.begin(), unsettled.end())) {
      complaints_.emplace_back("an unsettled message is in no list");
    }
  }

  void look_at_next_ids(Store& store) {
    const auto later = [&](ThingKind kind, auto next) {
      if (static_cast<std::int64_t>(next) > highest_[kind]) return;
      complaints_.push_back(std::string("an id was given out again: ") + word(kind) + " " +
                            std::to_string(static_cast<std::int64_t>(next)));
    };
    later(ThingKind::message, store.next_message_id());
    later(ThingKind::origin, store.next_origin_id());
    later(ThingKind::alert, store.next_alert_id());
    later(ThingKind::cordon, store.next_cordon_id());
    later(ThingKind::bait, store.next_bait_id());
  }

  const Ledger& ledger_;
  const Moment moment_;
  std::unique_ptr<Reader> reader_;
  std::set<std::pair<ThingKind, std::int64_t>> present_;
  std::map<ThingKind, std::int64_t> highest_;
  std::map<std::size_t, bool> whole_;  // by entry: whether its first thing shows it applied
  std::vector<std::string> complaints_;
};

Thing Ledger::add(ThingKind kind, std::int64_t id, Look look) {
  const std::lock_guard lock(mutex_);
  things_.push_back({kind, id, std::move(look), {}});
  return things_.size() - 1;
}

void Ledger::submit(Store& store, Batch batch, std::vector<Change> changes) {
  std::size_t entry = 0;
  {
    const std::lock_guard lock(mutex_);
    entry = entries_.size();
    entries_.push_back({recorder_.position(), {}, false, !changes.empty()});
    for (Change& change : changes) {
      things_[change.thing].steps.push_back({entry, std::move(change.becomes)});
    }
    ++waiting_;
  }
  store.submit(std::move(batch), [this, entry](const Answer& answer) {
    const std::lock_guard lock(mutex_);
    entries_[entry].answered = recorder_.position();
    entries_[entry].applied = answer.ok();
    last_answer_ = answer;
    --waiting_;
    changed_.notify_all();
  });
}

void Ledger::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_ == 0; });
}

Answer Ledger::last_answer() const {
  const std::lock_guard lock(mutex_);
  return last_answer_;
}

std::size_t Ledger::refused() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(),
                    [](const Entry& entry) { return entry.answered && !entry.applied; }));
}

// Events before the moment's position have happened. An answer at that very position was given.
Ledger::Fate Ledger::fate(const Entry& entry, Moment moment) const {
  if (entry.submitted > moment.position) return Fate::none;
  if (!entry.answered || *entry.answered > moment.position) return Fate::open;
  if (entry.applied) return Fate::applied;
  if (!moment.after_power_loss) return Fate::refused;
  const bool commit_since = std::any_of(entries_.begin(), entries_.end(), [&](const Entry& other) {
    return other.applied && other.commits && other.submitted >= *entry.answered &&
           *other.answered <= moment.position;
  });
  return commit_since ? Fate::refused : Fate::open;
}

std::vector<std::string> Ledger::complaints(Store& store, Moment moment) const {
  const std::lock_guard lock(mutex_);
  return Verdict(*this, store, moment).complaints(store);
}

std::size_t Ledger::things(ThingKind kind) const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::size_t>(std::count_if(
      things_.begin(), things_.end(), [&](const Kept& thing) { return thing.kind == kind; }));
}

}  // namespace cordon::store::disk
