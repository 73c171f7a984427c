#include "simulated_store.h"

#include <algorithm>
#include <array>
#include <future>

namespace cordon::simulated {

using store::StoreError;

namespace {
// In the order of store::Command.
constexpr std::array<std::string_view, std::variant_size_v<store::Command>> names{
    "AddOrigin",
    "AddIdentifier",
    "EndIdentifier",
    "TouchOrigin",
    "AppendBody",
    "DropBody",
    "Accept",
    "Claim",
    "RecordAttempt",
    "Unclaim",
    "MarkUncertain",
    "Freeze",
    "Release",
    "DeleteMessage",
    "SealCredentials",
    "DropCredentials",
    "RaiseAlert",
    "AddCordon",
    "MarkTold",
    "CountHit",
    "SetAlertResponse",
    "LiftCordon",
    "CountCordon",
    "AddTranscript",
    "AddWarnings",
    "SetWarning",
    "AddBaits",
    "RetireBaits",
    "AddAudit",
    "SaveUptime",
    "Prune"};
}  // namespace

std::string name_of(const store::Batch& batch) {
  std::string name;
  for (const store::Command& command : batch) {
    if (!name.empty()) name += '+';
    name += names.at(command.index());
  }
  return name;
}

SimulatedStore::SimulatedStore(std::unique_ptr<store::Store> real, Ledger& ledger,
                               CrashPoints& points, std::optional<Trouble> trouble)
    : real_(std::move(real)), ledger_(ledger), points_(points), trouble_(trouble) {}

void SimulatedStore::submit(store::Batch batch, Done done) {
  std::unique_lock lock(mutex_);
  // What an operator waits for ends with its entry in the audit trail (proxy/operator_desk.cpp).
  const bool by_operator = operator_ == Operator::runs &&
                           std::this_thread::get_id() == operator_thread_ &&
                           std::holds_alternative<store::AddAudit>(batch.back());
  const bool early = overtakes(batch);
  Waiting fresh{std::move(batch), std::move(done), by_operator, early};
  if (dead_) {
    lock.unlock();
    if (by_operator) return fresh.done({.error = StoreError::closed});
    lock.lock();
    never_answered_.push_back(std::move(fresh));
    return;
  }
  if (by_operator) operator_ = Operator::waits;
  waiting_.push_back(std::move(fresh));
  changed_.notify_all();
}

bool SimulatedStore::waiting() const {
  const std::lock_guard lock(mutex_);
  return !waiting_.empty();
}

std::size_t SimulatedStore::taken() const { return taken_; }

void SimulatedStore::carry_out_one() {
  Waiting oldest;
  {
    const std::lock_guard lock(mutex_);
    oldest = waiting_.front();  // stays in front until it is decided, so that die() finds it
  }
  const std::string name = name_of(oldest.batch);
  if (oldest.overtakes) ledger_.overtaken(name);
  points_.pass("before " + name);
  const bool refused = refuses(oldest.batch);
  ++taken_;
  store::Answer result;
  if (refused) {
    result = {.error = trouble_->error, .detail = "in trouble"};
    ledger_.refused(oldest.batch);
  } else {
    result = apply(oldest.batch);
    if (result.ok())
      ledger_.applied(oldest.batch, result);
    else
      ledger_.contradicted(name, result.detail);
  }
  points_.pass("untold " + name);
  {
    const std::lock_guard lock(mutex_);
    waiting_.pop_front();
  }
  answer(oldest, result);
}

// If those were refused and tried again, these would come before them.
bool SimulatedStore::overtakes(const store::Batch& batch) const {
  const auto results_of = [](const store::Batch& some) {
    for (const store::Command& command : some)
      if (const auto* attempt = std::get_if<store::RecordAttempt>(&command))
        return attempt->message;
    return store::MessageId{};
  };
  const store::MessageId id = results_of(batch);
  return id != store::MessageId{} &&
         std::any_of(waiting_.begin(), waiting_.end(),
                     [&](const Waiting& other) { return results_of(other.batch) == id; });
}

bool SimulatedStore::refuses(const store::Batch& batch) {
  if (!trouble_ || taken_ < trouble_->first) return false;
  if (trouble_->alerts_only && !std::holds_alternative<store::RaiseAlert>(batch.front()))
    return false;
  const auto now = std::chrono::steady_clock::now();
  if (!trouble_ends_) {
    trouble_ends_ = now + trouble_->lasts;
    return true;
  }
  return now < *trouble_ends_;
}

store::Answer SimulatedStore::apply(const store::Batch& batch) {
  const auto answered = std::make_shared<std::promise<store::Answer>>();
  auto answer = answered->get_future();
  real_->submit(batch, [answered](const store::Answer& a) { answered->set_value(a); });
  return answer.get();
}

void SimulatedStore::answer(const Waiting& waiting, const store::Answer& answer) {
  if (waiting.by_operator) {
    const std::lock_guard lock(mutex_);
    operator_ = Operator::runs;
  }
  waiting.done(answer);
}

void SimulatedStore::die() {
  std::deque<Waiting> left;
  {
    const std::lock_guard lock(mutex_);
    dead_ = true;
    left.swap(waiting_);
  }
  // No callback comes, but an operator's thread must end with the process that it stands for.
  for (Waiting& waiting : left) {
    if (waiting.by_operator) answer(waiting, {.error = StoreError::closed});
    const std::lock_guard lock(mutex_);
    never_answered_.push_back(std::move(waiting));
  }
}

std::thread SimulatedStore::start_operator(std::function<void()> act) {
  {
    const std::lock_guard lock(mutex_);
    operator_ = Operator::runs;
  }
  return std::thread([this, act = std::move(act)] {
    {
      const std::lock_guard lock(mutex_);
      operator_thread_ = std::this_thread::get_id();
    }
    act();
    const std::lock_guard lock(mutex_);
    operator_ = Operator::none;
    changed_.notify_all();
  });
}

bool SimulatedStore::await_operator() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return operator_ != Operator::runs; });
  return operator_ == Operator::waits;
}

}  // namespace cordon::simulated
