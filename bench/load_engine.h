// One thread's share of the sessions: gives them messages, opens their connections anew, opens and
// closes the window of measuring. A message counts as measured if it was answered in the window:
// with a warm-up and --seconds that is those seconds, so that neither the start nor the end of the
// run bends the rate; else it lasts from the warm-up's end to the last answer.
#pragma once

#include <array>
#include <deque>
#include <vector>

#include "bench/load_quota.h"
#include "bench/load_session.h"

namespace cordon::bench {

class Engine {
 public:
  // Takes every `threads`-th session beginning with the one of number `thread`. `plan` and `quota`
  // must outlive it.
  Engine(const Plan& plan, Quota& quota, std::uint32_t thread);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Returns when the quota is used up and all sessions have quit, or too much went wrong.
  void run();
  const Tally& tally() const { return tally_; }

 private:
  enum class Place : std::uint8_t {
    unopened,  // not yet begun
    opening,   // its first connection is being set up
    running,
    waiting,  // open loop: for the time of the next message
    resting,  // before it opens a connection anew
    done,
  };
  struct Slot : Session {
    using Session::Session;
    Place place = Place::unopened;
  };
  struct Rest {
    Clock::time_point until;
    Slot* slot;
  };

  void give_work(Clock::time_point now);
  void open_more();
  void after(Slot& slot, Turn turn);
  Turn serve(Slot& slot);
  Turn retire(Slot& slot);
  void check_patience(Clock::time_point now);
  void turn_window(Clock::time_point now);
  void open_window(Clock::time_point now);
  void close_window(Clock::time_point now);
  Clock::duration time_to_wait(Clock::time_point now) const;

  const Plan& plan_;
  Quota& quota_;
  Poller poller_;
  Tally tally_;
  std::deque<Slot> slots_;
  std::deque<Slot*> waiting_;
  std::deque<Rest> resting_;
  std::size_t unopened_ = 0;  // index of the first
  std::size_t opening_ = 0;
  std::size_t live_ = 0;
  Clock::duration interval_{};  // between messages of this thread; 0: closed loop
  Clock::time_point due_;       // of the next
  Clock::time_point patience_checked_;
  Clock::time_point window_opens_;
  Clock::time_point window_closes_;
  Clock::time_point answered_;  // the last message
  double cpu_before_ = 0;
  std::array<char, 16384> scratch_{};
};

}  // namespace cordon::bench
