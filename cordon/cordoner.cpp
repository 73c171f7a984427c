#include "cordon/cordoner.h"

namespace cordon {

using store::Epoch;
using store::MessageId;
using store::OriginId;
using store::Uptime;

// ---- what blocks a message

bool Cordoner::quarantined(const Entry& entry, const OriginState& origin) const {
  return entry.alone || entry.clearance < origin.cordon_epoch;
}

bool Cordoner::may_leave(const Entry& entry, const OriginState& origin) const {
  if (stopped_ || entry.frozen || quarantined(entry, origin)) return false;
  // A person's release is the decision that a review waits for.
  return entry.clearance == store::released || (!review_all_ && !origin.review);
}

// Keeps the figures in step; called with add = false before a change and true after it.
void Cordoner::tally(const Entry& entry, OriginState& origin, bool add) {
  const std::uint64_t by = add ? 1 : static_cast<std::uint64_t>(-1);
  if (entry.phase != Phase::held) {
    counts_.in_flight += by;
    return;
  }
  const bool caught = quarantined(entry, origin);
  (caught ? counts_.quarantined : counts_.held) += by;
  if (entry.alone || entry.clearance == store::released) return;  // no cordon moves these
  if (!caught) origin.free += by;
  const auto cleared = origin.by_clearance.try_emplace(entry.clearance).first;
  cleared->second += by;
  if (cleared->second == 0) origin.by_clearance.erase(cleared);
}

// ---- leaving

bool Cordoner::may_leave(MessageId id) const {
  const auto found = entries_.find(id);
  return found != entries_.end() && found->second.phase != Phase::held &&
         may_leave(found->second, origins_.at(found->second.origin));
}

bool Cordoner::pass_gate(MessageId id) {
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.phase == Phase::held) return false;
  OriginState& origin = origins_[found->second.origin];
  if (!may_leave(found->second, origin)) return false;
  if (found->second.phase == Phase::passed) return true;  // to another of its destinations
  found->second.phase = Phase::passed;
  origin.past_gate.insert(id);
  return true;
}

void Cordoner::put_back(MessageId id, Uptime due, const Stay& stay) {
  const auto found = entries_.find(id);
  if (found == entries_.end() || found->second.phase == Phase::held) return;
  Entry& entry = found->second;
  entry.lane = stay.lane.value_or(entry.lane);
  entry.look_by = stay.look_by.value_or(entry.look_by);
  entry.for_server = stay.for_server;
  OriginState& origin = origins_[entry.origin];
  origin.past_gate.erase(id);
  tally(entry, origin, false);
  entry.phase = Phase::held;
  tally(entry, origin, true);
  schedule(id, entry, due);
}

void Cordoner::settle(MessageId id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  OriginState& origin = origins_[entry.origin];
  origin.past_gate.erase(id);
  tally(entry, origin, false);
  uncount(entry, origin);
  undelay(id, entry);
  entries_.erase(found);
}

std::vector<MessageId> Cordoner::past_gate(OriginId origin) const {
  const auto found = origins_.find(origin);
  if (found == origins_.end()) return {};
  return {found->second.past_gate.begin(), found->second.past_gate.end()};
}

// ---- the caps

void Cordoner::set_counted(OriginId id, OriginState& origin, std::uint64_t counted) {
  if (origin.counted != 0) by_count_.erase({origin.counted, id});
  total_counted_ += counted - origin.counted;
  origin.counted = counted;
  if (counted != 0) by_count_.emplace(counted, id);
}

void Cordoner::uncount(Entry& entry, OriginState& origin) {
  if (entry.generation != 0 && entry.generation == origin.generation)
    set_counted(entry.origin, origin, origin.counted - 1);
  entry.generation = 0;
}

// One frozen message at the front would keep the ids of all that ever passed behind it. Done when
// half of them are gone, so that each costs its share only.
void Cordoner::forget_gone(OriginState& origin) {
  if (origin.in_period.size() <= 2 * origin.counted + 16) return;
  std::erase_if(origin.in_period, [&](MessageId id) {
    const auto found = entries_.find(id);
    return found == entries_.end() || found->second.generation != origin.generation;
  });
}

// Makes the origin's oldest message in its period due at once.
void Cordoner::evict(OriginId id, OriginState& origin, Uptime now) {
  while (!origin.in_period.empty()) {
    const MessageId oldest = origin.in_period.front();
    origin.in_period.pop_front();
    const auto found = entries_.find(oldest);
    if (found == entries_.end() || found->second.generation != origin.generation) continue;
    uncount(found->second, origin);
    if (found->second.phase == Phase::held && !found->second.parked)
      schedule(oldest, found->second, now);
    return;
  }
  set_counted(id, origin, 0);
}

Cordoner::Admission Cordoner::admit(OriginId id) const {
  const auto found = origins_.find(id);
  // Just below the cordon's epoch: in quarantine under it, and free again if it is withdrawn.
  if (found != origins_.end() && found->second.cordoned)
    return {.quarantined = true, .clearance = found->second.cordon_epoch - 1};
  const std::uint64_t count = found == origins_.end() ? 0 : found->second.counted;
  const bool full = count >= limits_.max_held_per_origin || total_counted_ >= limits_.max_held;
  return {.deferred = limits_.on_cap == OnCap::defer && full, .clearance = epoch_};
}

void Cordoner::add(const Held& message, Uptime now) {
  OriginState& origin = origins_[message.origin];
  const auto [place, fresh] = entries_.try_emplace(message.id);
  if (!fresh) return;
  Entry& entry = place->second;
  entry.origin = message.origin;
  entry.lane = message.lane;
  entry.look_by = message.look_by;
  entry.clearance = message.clearance;
  entry.alone = message.alone;
  tally(entry, origin, true);
  schedule(message.id, entry, message.due);
  if (!message.counted || quarantined(entry, origin)) return;

  entry.generation = origin.generation;
  origin.in_period.push_back(message.id);
  set_counted(message.origin, origin, origin.counted + 1);
  forget_gone(origin);
  if (origin.counted > limits_.max_held_per_origin) evict(message.origin, origin, now);
  if (total_counted_ > limits_.max_held) {
    const OriginId most = by_count_.rbegin()->second;
    evict(most, origins_[most], now);
  }
}

// ---- rebuilding

void Cordoner::restore_origin(OriginId id, Epoch cordon_epoch, bool is_cordoned) {
  OriginState& origin = origins_[id];
  origin.cordon_epoch = cordon_epoch;
  origin.cordoned = is_cordoned;
}

void Cordoner::restore(const store::Unsettled& message, Lane lane, Uptime look_by) {
  OriginState& origin = origins_[message.origin];
  Entry& entry = entries_[message.id];
  entry.origin = message.origin;
  entry.lane = lane;
  entry.look_by = look_by;
  entry.clearance = message.clearance;
  entry.alone = message.quarantined_alone;
  entry.frozen = message.frozen;
  tally(entry, origin, true);
  schedule(message.id, entry, message.due);
  // Only a first hold counts against the caps; a retry has had its period.
  if (message.kind != store::MessageKind::mail || message.attempts != 0 ||
      quarantined(entry, origin))
    return;
  entry.generation = origin.generation;
  origin.in_period.push_back(message.id);
  set_counted(message.origin, origin, origin.counted + 1);
}

// ---- recovering

Cordoner::Raised Cordoner::raise(OriginId id) {
  OriginState& origin = origins_[id];
  const Raised raised{
      .epoch = ++epoch_, .previous_epoch = origin.cordon_epoch, .quarantined = origin.free};
  origin.cordon_epoch = raised.epoch;
  origin.cordoned = true;
  counts_.held -= origin.free;
  counts_.quarantined += origin.free;
  origin.free = 0;
  // What is in quarantine no longer counts against the caps: it cannot be pushed out.
  set_counted(id, origin, 0);
  ++origin.generation;
  origin.in_period.clear();
  return raised;
}

void Cordoner::withdraw(OriginId id, Epoch epoch, Epoch previous_epoch) {
  OriginState& origin = origins_[id];
  origin.cordoned = false;
  if (origin.cordon_epoch != epoch) return;
  origin.cordon_epoch = previous_epoch;
  std::uint64_t freed = 0;
  for (auto cleared = origin.by_clearance.lower_bound(previous_epoch);
       cleared != origin.by_clearance.end() && cleared->first < epoch; ++cleared)
    freed += cleared->second;
  counts_.quarantined -= freed;
  counts_.held += freed;
  origin.free += freed;
  unpark(origin);
}

void Cordoner::lift(OriginId origin) { origins_[origin].cordoned = false; }

bool Cordoner::cordoned(OriginId origin) const {
  const auto found = origins_.find(origin);
  return found != origins_.end() && found->second.cordoned;
}

void Cordoner::review(OriginId id, bool on) {
  if (id == store::everything) {
    review_all_ = on;
    if (!on)
      for (auto& [_, origin] : origins_) unpark(origin);
    return;
  }
  OriginState& origin = origins_[id];
  origin.review = on;
  if (!on) unpark(origin);
}

void Cordoner::stop_commits(bool stop) { stopped_ = stop; }

// ---- the operator

Cordoner::Change Cordoner::freeze(MessageId id, bool frozen) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return Change::unknown;
  if (found->second.phase != Phase::held) return Change::leaving;
  found->second.frozen = frozen;
  if (!frozen && found->second.parked) schedule(id, found->second, found->second.due);
  return Change::done;
}

Cordoner::Change Cordoner::release(MessageId id, Uptime now) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return Change::unknown;
  Entry& entry = found->second;
  if (entry.phase != Phase::held) return Change::leaving;
  OriginState& origin = origins_[entry.origin];
  tally(entry, origin, false);
  uncount(entry, origin);
  entry.clearance = store::released;
  entry.alone = false;
  entry.frozen = false;
  tally(entry, origin, true);
  schedule(id, entry, now);
  return Change::done;
}

Cordoner::Change Cordoner::remove(MessageId id) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return Change::unknown;
  if (found->second.phase != Phase::held) return Change::leaving;
  settle(id);
  return Change::done;
}

std::uint64_t Cordoner::counted(OriginId origin) const {
  const auto found = origins_.find(origin);
  return found == origins_.end() ? 0 : found->second.counted;
}

std::size_t Cordoner::remembered(OriginId origin) const {
  const auto found = origins_.find(origin);
  return found == origins_.end() ? 0 : found->second.in_period.size();
}

std::uint64_t Cordoner::open(OriginId origin) const {
  const auto found = origins_.find(origin);
  return found == origins_.end() ? 0 : found->second.free;
}

}  // namespace cordon
