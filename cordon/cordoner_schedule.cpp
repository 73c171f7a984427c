// When messages leave: the queues of each lane, and what is taken from them.
#include <algorithm>
#include <utility>

#include "cordon/cordoner.h"

namespace cordon {

using store::MessageId;
using store::Uptime;

namespace {
// How many delay_due() moves at once, under the carrier's lock.
constexpr std::size_t most_moved = 1000;
}  // namespace

// ---- waiting

void Cordoner::schedule(MessageId id, Entry& entry, Uptime due) {
  undelay(id, entry);
  entry.due = due;
  entry.parked = false;
  if (entry.lane >= queues_.size()) queues_.resize(entry.lane + 1);
  queues_[entry.lane].scheduled.emplace(due, id);
}

void Cordoner::park(MessageId id, Entry& entry) {
  entry.parked = true;
  origins_[entry.origin].parked.push_back(id);
}

// Something that blocked may be gone: every parked message gets its slot again. Its due time is
// long past, so the next take_due() decides anew.
void Cordoner::unpark(OriginState& origin) {
  std::vector<MessageId> parked;
  parked.swap(origin.parked);
  for (const MessageId id : parked) {
    const auto found = entries_.find(id);
    if (found != entries_.end() && found->second.parked)
      schedule(id, found->second, found->second.due);
  }
}

std::optional<Uptime> Cordoner::next_due(Lane lane) const {
  if (stopped_ || lane >= queues_.size()) return std::nullopt;
  const Queue& queue = queues_[lane];
  if (!queue.waiting.empty()) return Uptime{};
  if (queue.scheduled.empty()) return std::nullopt;
  return queue.scheduled.top().first;
}

std::optional<Uptime> Cordoner::next_late(Lane lane) const {
  if (stopped_ || lane >= queues_.size()) return std::nullopt;
  const Queue& queue = queues_[lane];
  std::optional<Uptime> next;
  if (!queue.looks.empty()) next = queue.looks.begin()->first;
  if (!queue.scheduled.empty()) next = std::min(next.value_or(never), queue.scheduled.top().first);
  return next;
}

std::optional<Uptime> Cordoner::next_due() const {
  std::optional<Uptime> first;
  for (Lane lane = 0; lane < queues_.size(); ++lane) {
    const auto next = next_due(lane);
    if (next && (!first || *next < *first)) first = next;
  }
  return first;
}

void Cordoner::hasten(MessageId id, Uptime due) {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  Entry& entry = found->second;
  if (entry.phase == Phase::held && !entry.parked && due < entry.due) schedule(id, entry, due);
}

void Cordoner::servers_may_be_back(Uptime now) {
  for (auto& [id, entry] : entries_) {
    if (entry.phase != Phase::held || entry.parked) continue;
    if (entry.delayed || (entry.for_server && entry.due > now))
      schedule(id, entry, std::min(entry.due, now));
    entry.look_by = now;
  }
}

// ---- taking

// Null: the slot is stale.
Cordoner::Entry* Cordoner::of_scheduled(const Slot& slot) {
  const auto found = entries_.find(slot.second);
  if (found == entries_.end()) return nullptr;
  Entry& entry = found->second;
  const bool stands = entry.phase == Phase::held && !entry.parked && !entry.delayed;
  return stands && entry.due == slot.first ? &entry : nullptr;
}

void Cordoner::delay(MessageId id, Entry& entry) {
  entry.delayed = true;
  queues_[entry.lane].waiting.emplace(entry.due, id);
  queues_[entry.lane].looks.emplace(entry.look_by, id);
}

// Before its due time, look_by or lane changes.
void Cordoner::undelay(MessageId id, Entry& entry) {
  if (!std::exchange(entry.delayed, false)) return;
  queues_[entry.lane].waiting.erase({entry.due, id});
  queues_[entry.lane].looks.erase({entry.look_by, id});
}

// False: it may not leave, and is parked.
bool Cordoner::claim(MessageId id, Entry& entry) {
  OriginState& origin = origins_[entry.origin];
  undelay(id, entry);
  if (!may_leave(entry, origin)) {
    park(id, entry);
    return false;
  }
  tally(entry, origin, false);
  uncount(entry, origin);
  entry.phase = Phase::claimed;
  entry.due = never;  // no slot is its own now
  tally(entry, origin, true);
  return true;
}

// What a closed lane delayed goes first, and of it who waits longest: what was tried and failed is
// due anew, and so behind those that were not tried yet.
std::vector<MessageId> Cordoner::take_due(Uptime now, std::size_t most, Lane lane) {
  std::vector<MessageId> due;
  if (stopped_ || lane >= queues_.size()) return due;
  Queue& queue = queues_[lane];
  while (due.size() < most && !queue.waiting.empty()) {
    const MessageId id = queue.waiting.begin()->second;
    if (claim(id, entries_.at(id))) due.push_back(id);
  }
  while (due.size() < most && !queue.scheduled.empty() && queue.scheduled.top().first <= now) {
    const Slot slot = queue.scheduled.top();
    queue.scheduled.pop();
    Entry* entry = of_scheduled(slot);
    if (entry != nullptr && claim(slot.second, *entry)) due.push_back(slot.second);
  }
  return due;
}

// Each is moved once a time that its lane is closed; those that next_late() still names come with
// the next call.
void Cordoner::delay_due(Queue& queue, Uptime now) {
  for (std::size_t moved = 0; moved < most_moved; ++moved) {
    if (queue.scheduled.empty() || queue.scheduled.top().first > now) return;
    const Slot slot = queue.scheduled.top();
    queue.scheduled.pop();
    Entry* entry = of_scheduled(slot);
    if (entry != nullptr) delay(slot.second, *entry);
  }
}

std::vector<MessageId> Cordoner::take_late(Uptime now, std::size_t most, Lane lane) {
  std::vector<MessageId> late;
  if (stopped_ || lane >= queues_.size()) return late;
  Queue& queue = queues_[lane];
  delay_due(queue, now);
  while (late.size() < most && !queue.looks.empty() && queue.looks.begin()->first <= now) {
    const MessageId id = queue.looks.begin()->second;
    if (claim(id, entries_.at(id))) late.push_back(id);
  }
  return late;
}

}  // namespace cordon
