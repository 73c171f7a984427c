// The cordoner: what is held, when it may leave, and the gate it leaves by (BESIDES 4.3, the SMTP
// Server Cordoner). All in memory, rebuilt from the store at start; knows no clock, no disk and no
// socket. Time is handed in as observed uptime.
//
// Two limits on holding, as in the paper: age (each message's own due time) and number. The number
// has a part for each origin, so that a flood pushes out only its own early messages; the one for
// all evicts from the origin that holds most.
//
// Quarantine follows from epochs (store/types.h): raise() costs the same whatever is held, and
// withdraw() no more than what became due meanwhile and could not leave.
//
// Not thread-safe: the carrier holds one lock around every call. That lock is what makes the gate
// true: no message of a cordoned origin passes after raise() returned.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <unordered_map>
#include <vector>

#include "cordon/policy.h"
#include "store/store.h"

namespace cordon {

// By which way a message leaves, numbered from 0 by the carrier. What waits in one lane never keeps
// back what is in another.
using Lane = std::uint32_t;

struct HoldLimits {
  std::uint64_t max_held = 100'000;           // messages in their period, in all
  std::uint64_t max_held_per_origin = 1'000;  // of one origin
  OnCap on_cap = OnCap::commit_oldest;
};

class Cordoner {
 public:
  static constexpr store::Uptime never = store::Uptime::max();

  explicit Cordoner(HoldLimits limits) : limits_(limits) {}
  void set_limits(HoldLimits limits) { limits_ = limits; }

  // ---- rebuilding at start
  void restore_epoch(store::Epoch highest) { epoch_ = highest; }
  void restore_origin(store::OriginId origin, store::Epoch cordon_epoch, bool cordoned);
  // A claim is restored as held: see Recovery.
  void restore(const store::Unsettled& message, Lane lane = 0, store::Uptime look_by = never);

  // ---- accepting
  // Asked when a message is complete, before it is stored.
  struct Admission {
    bool deferred = false;     // the cap is reached and on_cap says so: 4xx
    bool quarantined = false;  // the origin is cordoned
    store::Epoch clearance = 0;
  };
  Admission admit(store::OriginId origin) const;
  // The message is on stable storage. `counted`: it is in its cordoning period, so it counts
  // against the caps; notices and bypassed mail do not. May make older ones due at once.
  struct Held {
    store::MessageId id{};
    store::OriginId origin{};
    store::Uptime due;
    store::Epoch clearance = 0;
    bool alone = false;  // quarantined by itself, not by its origin
    bool counted = true;
    Lane lane = 0;
    store::Uptime look_by = never;  // see take_late()
  };
  void add(const Held& message, store::Uptime now);

  // ---- leaving
  // Those of `lane` that are due, oldest first, at most `most`; each is then claimed: it is the
  // carrier's until put_back() or settle().
  std::vector<store::MessageId> take_due(store::Uptime now, std::size_t most, Lane lane = 0);
  // While the way of `lane` is closed, in place of take_due(): those that are due, and whose
  // look_by has come as well, are claimed. They cannot be tried, but their senders are to hear of
  // them.
  std::vector<store::MessageId> take_late(store::Uptime now, std::size_t most, Lane lane);
  std::optional<store::Uptime> next_late(Lane lane) const;  // may name a time at which none is
  // Of one lane, or of all. May name a time at which nothing is due.
  std::optional<store::Uptime> next_due(Lane lane) const;
  std::optional<store::Uptime> next_due() const;
  std::size_t lanes() const { return queues_.size(); }  // those seen so far
  // Whether a claimed message could pass the gate now.
  bool may_leave(store::MessageId id) const;
  // The last word before the final dot. True: the message has left, as far as policy can know.
  // Asked once for each destination of a message; a cordon between two of them keeps the second.
  bool pass_gate(store::MessageId id);
  // Claimed, but it stays: a retry at `due`, or the gate was shut.
  struct Stay {
    std::optional<Lane> lane;              // what is left of it goes by another
    std::optional<store::Uptime> look_by;  // from now on; see take_late()
    bool for_server = false;               // it waits for servers that are away, and nothing else
  };
  void put_back(store::MessageId id, store::Uptime due, const Stay& stay);
  void put_back(store::MessageId id, store::Uptime due) { put_back(id, due, Stay{}); }
  // Servers that were away may be there again, or it is others by now: what waits for them is due,
  // and what a closed lane keeps back is looked at, whenever that was to be. Costs a look at each
  // message.
  void servers_may_be_back(store::Uptime now);
  // What a held message waits for is there: due at `due`, if that is sooner.
  void hasten(store::MessageId id, store::Uptime due);
  // Settled for good: committed, failed or deleted.
  void settle(store::MessageId id);
  // The claimed messages of `origin` that passed the gate and are not settled or put back yet.
  std::vector<store::MessageId> past_gate(store::OriginId origin) const;

  // ---- recovering
  struct Raised {
    store::Epoch epoch = 0;
    store::Epoch previous_epoch = 0;
    std::uint64_t quarantined = 0;  // messages that were free until now
  };
  Raised raise(store::OriginId origin);
  // The cordon of `epoch` was a mistake: what it held is free again, as far as it was before.
  void withdraw(store::OriginId origin, store::Epoch epoch, store::Epoch previous_epoch);
  // A review holds everything of an origin, or of all (store::everything), without quarantine.
  void review(store::OriginId origin, bool on);
  // An alert could not be stored: nothing leaves until it is.
  void stop_commits(bool stop);
  bool commits_stopped() const { return stopped_; }
  bool cordoned(store::OriginId origin) const;  // enforced and not lifted
  void lift(store::OriginId origin);            // what is in quarantine stays there

  // ---- the operator
  enum class Change : std::uint8_t { done, unknown, leaving };  // leaving: claimed, too late
  Change freeze(store::MessageId id, bool frozen);
  Change release(store::MessageId id, store::Uptime now);
  Change remove(store::MessageId id);

  struct Counts {
    std::uint64_t held = 0;
    std::uint64_t quarantined = 0;
    std::uint64_t in_flight = 0;
  };
  const Counts& counts() const { return counts_; }
  std::uint64_t counted(store::OriginId origin) const;  // held in their period, against the cap
  // How many ids are remembered for `origin`'s eviction: never many more than are counted.
  std::size_t remembered(store::OriginId origin) const;
  // How many of `origin`'s messages a cordon would hold: for the report of a shadow cordon.
  std::uint64_t open(store::OriginId origin) const;

 private:
  enum class Phase : std::uint8_t { held, claimed, passed };
  struct Entry {
    store::OriginId origin{};
    store::Uptime due;
    store::Uptime look_by = never;
    store::Epoch clearance = 0;
    std::uint32_t generation = 0;  // of the origin's count in which this one is counted; 0: in none
    Lane lane = 0;
    Phase phase = Phase::held;
    bool frozen = false;
    bool alone = false;
    bool parked = false;   // taken from its queue because it could not leave
    bool delayed = false;  // due, and in Queue::waiting and looks
    bool for_server = false;
  };
  struct OriginState {
    store::Epoch cordon_epoch = 0;
    bool cordoned = false;
    bool review = false;
    std::uint32_t generation = 1;
    std::set<store::MessageId> past_gate;
    std::uint64_t counted = 0;
    // What a cordon of this origin moves: held, neither released nor quarantined alone. `free` are
    // those of them not in quarantine. All of them by clearance, so that a withdrawal sums up what
    // it frees: at most one entry a cordon (of any origin) that was raised while they were held.
    std::uint64_t free = 0;
    std::map<store::Epoch, std::uint64_t> by_clearance;
    std::deque<store::MessageId> in_period;  // counted ones, oldest first; may name gone ones
    std::vector<store::MessageId> parked;
  };
  using Slot = std::pair<store::Uptime, store::MessageId>;

  bool quarantined(const Entry& entry, const OriginState& origin) const;
  bool may_leave(const Entry& entry, const OriginState& origin) const;
  bool claim(store::MessageId id, Entry& entry);
  void schedule(store::MessageId id, Entry& entry, store::Uptime due);
  void park(store::MessageId id, Entry& entry);
  void unpark(OriginState& origin);
  void uncount(Entry& entry, OriginState& origin);
  void set_counted(store::OriginId id, OriginState& origin, std::uint64_t counted);
  void forget_gone(OriginState& origin);
  void evict(store::OriginId id, OriginState& origin, store::Uptime now);
  void tally(const Entry& entry, OriginState& origin, bool add);

  HoldLimits limits_;
  store::Epoch epoch_ = 0;
  bool stopped_ = false;
  bool review_all_ = false;
  std::uint64_t total_counted_ = 0;
  Counts counts_;
  std::unordered_map<store::MessageId, Entry> entries_;
  std::unordered_map<store::OriginId, OriginState> origins_;
  std::set<std::pair<std::uint64_t, store::OriginId>> by_count_;  // who holds most is last
  // Earliest first. A slot whose entry says another time, or another place, is stale and passed
  // over.
  using Slots = std::priority_queue<Slot, std::vector<Slot>, std::greater<>>;
  // What was due when the lane was closed is out of `scheduled`, and in both of the others. There
  // no slot is stale: it may be days until its turn comes, and the lane close and open meanwhile.
  struct Queue {
    Slots scheduled;         // by due
    std::set<Slot> waiting;  // by due: who goes when the lane opens
    std::set<Slot> looks;    // by look_by
  };
  Entry* of_scheduled(const Slot& slot);
  void delay(store::MessageId id, Entry& entry);
  void undelay(store::MessageId id, Entry& entry);
  void delay_due(Queue& queue, store::Uptime now);
  std::vector<Queue> queues_;  // by lane
};

}  // namespace cordon
