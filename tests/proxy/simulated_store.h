// A store that applies nothing by itself: batches wait until the test has the oldest one carried
// out by the real store underneath, step by step. Each is a crash point before it is applied, and
// another after it is durable but before its `done` is told. It can also refuse batches for a
// while, as a full or failing disk does. After die() nothing is applied and nobody is answered.
//
// submit() from any thread; all else but reader() and the identifiers from the test's own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "simulated_crash.h"
#include "simulated_ledger.h"
#include "store/store.h"

namespace cordon::simulated {

// The disk refuses the batches from the `first` on (counted from 0), for `lasts` of simulated time;
// zero: only that one. Or only those of them that raise an alert.
struct Trouble {
  std::size_t first = 0;
  store::StoreError error = store::StoreError::full;
  std::chrono::milliseconds lasts{0};
  bool alerts_only = false;
};

class SimulatedStore final : public store::Store {
 public:
  SimulatedStore(std::unique_ptr<store::Store> real, Ledger& ledger, CrashPoints& points,
                 std::optional<Trouble> trouble);

  bool waiting() const;       // a batch waits to be applied
  std::size_t taken() const;  // batches carried out or refused so far
  void carry_out_one();       // the oldest; may throw Crash
  void die();
  store::Store& real() { return *real_; }

  // An operator's call blocks its thread until its batch is answered. The test starts the thread,
  // and between two of its batches waits until it has gone as far as it can.
  std::thread start_operator(std::function<void()> act);
  bool await_operator();  // true: it waits for an answer; false: it has ended

  void submit(store::Batch batch, Done done) override;
  store::MessageId next_message_id() override { return real_->next_message_id(); }
  store::OriginId next_origin_id() override { return real_->next_origin_id(); }
  store::AlertId next_alert_id() override { return real_->next_alert_id(); }
  store::CordonId next_cordon_id() override { return real_->next_cordon_id(); }
  store::WarningId next_warning_id() override { return real_->next_warning_id(); }
  store::BaitId next_bait_id() override { return real_->next_bait_id(); }
  std::unique_ptr<store::Reader> reader() override { return real_->reader(); }
  std::string gateway_id() const override { return real_->gateway_id(); }
  void release_reserve() override { real_->release_reserve(); }
  bool keep_reserve() override { return real_->keep_reserve(); }

 private:
  struct Waiting {
    store::Batch batch;
    Done done;
    bool by_operator = false;  // whose thread waits for the answer
    bool overtakes = false;    // results of a message of which others were not answered yet
  };
  enum class Operator : std::uint8_t { none, runs, waits };

  bool refuses(const store::Batch& batch);
  bool overtakes(const store::Batch& batch) const;  // with mutex_ held
  store::Answer apply(const store::Batch& batch);
  void answer(const Waiting& waiting, const store::Answer& answer);

  std::unique_ptr<store::Store> real_;
  Ledger& ledger_;
  CrashPoints& points_;
  std::optional<Trouble> trouble_;
  std::optional<std::chrono::steady_clock::time_point> trouble_ends_;
  std::size_t taken_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Waiting> waiting_;
  std::vector<Waiting> never_answered_;
  bool dead_ = false;
  Operator operator_ = Operator::none;
  std::thread::id operator_thread_;
};

// "AddOrigin+Accept": the commands of a batch by name.
std::string name_of(const store::Batch& batch);

}  // namespace cordon::simulated
