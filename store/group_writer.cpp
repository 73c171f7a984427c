#include "store/group_writer.h"

#include <new>

namespace cordon::store {
namespace {

// Bounds of one transaction: what one sync may carry without making the first of it wait too long.
constexpr std::size_t max_group_octets = std::size_t{8} * 1024 * 1024;
constexpr std::size_t max_group_commands = 4096;

std::size_t octets_of(const Batch& batch) {
  std::size_t octets = 0;
  for (const Command& command : batch) {
    if (const auto* accept = std::get_if<Accept>(&command)) octets += accept->bytes.size();
  }
  return octets;
}

Answer answer_to(const SqliteError& error) noexcept {
  const StoreError kind = error.no_space()     ? StoreError::full
                          : error.constraint() ? StoreError::fault
                                               : StoreError::io;
  try {
    return {kind, error.what(), {}};
  } catch (const std::bad_alloc&) {
    return {kind, {}, {}};
  }
}

}  // namespace

// Short enough for a string to hold in itself.
Answer out_of_memory() { return {StoreError::io, "out of memory", {}}; }

GroupWriter::GroupWriter(Database& db) : db_(db), ids_(db), thread_([this] { run(); }) {}

void GroupWriter::submit(Batch batch, Store::Done done) {
  Entries entry(1);
  entry.front().batch = std::move(batch);
  entry.front().done = std::move(done);
  entry.front().octets = octets_of(entry.front().batch);
  const std::lock_guard lock(mutex_);
  entry.front().too_late = closing_;
  add(entry);
}

void GroupWriter::submit_placed(ContentJob& job) {
  Entries entry(1);
  entry.front().batch = std::move(job.batch);
  entry.front().done = std::move(job.done);
  entry.front().octets = octets_of(entry.front().batch);
  entry.front().effects.placed = std::move(job.placed);
  const std::lock_guard lock(mutex_);
  add(entry);
}

void GroupWriter::add(Entries& entry) {
  queue_.splice(queue_.end(), entry);
  if (!writing_) changed_.notify_all();
}

void GroupWriter::close() {
  const std::lock_guard lock(mutex_);
  closing_ = true;
}

void GroupWriter::stop() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void GroupWriter::between_transactions(const std::function<void()>& work) {
  std::unique_lock lock(mutex_);
  // Whatever `work` throws, the writer goes on.
  struct Pause {
    explicit Pause(GroupWriter& paused, std::unique_lock<std::mutex>& its_lock)
        : writer(paused), held(its_lock) {
      ++writer.pauses_;
    }
    ~Pause() {
      if (!held.owns_lock()) held.lock();
      --writer.pauses_;
      writer.changed_.notify_all();
    }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
    GroupWriter& writer;
    std::unique_lock<std::mutex>& held;
  };
  const Pause pause(*this, lock);
  changed_.wait(lock, [this] { return !writing_; });
  lock.unlock();
  work();
}

void GroupWriter::run() {
  Entries group;
  while (take_group(group)) {
    if (group.front().too_late) {
      answer_all(group, {StoreError::closed, "store is closing", {}});
    } else {
      write(group);
    }
    for (Entry& entry : group) entry.done(entry.effects.answer);
    group.clear();
  }
}

// Waits for work; false when the writer is to end. A group has only batches that came in time, or
// only such as came too late.
bool GroupWriter::take_group(Entries& group) {
  std::unique_lock lock(mutex_);
  writing_ = false;
  if (pauses_ > 0) changed_.notify_all();
  changed_.wait(lock, [this] { return pauses_ == 0 && (!queue_.empty() || stopping_); });
  if (queue_.empty()) return false;
  std::size_t octets = 0;
  std::size_t commands = 0;
  while (!queue_.empty() && (group.empty() || (octets + queue_.front().octets <= max_group_octets &&
                                               commands < max_group_commands))) {
    if (!group.empty() && group.front().too_late != queue_.front().too_late) break;
    octets += queue_.front().octets;
    commands += queue_.front().batch.size();
    group.splice(group.end(), queue_, queue_.begin());
  }
  writing_ = true;
  return true;
}

void GroupWriter::write(Entries& group) {
  try {
    write_in_one_transaction(group, Apart::no);
    return;
  } catch (const Contradiction&) {
  } catch (const SqliteError& error) {
    if (error.no_space() && group.size() > 1) return write_each(group);
    if (!error.constraint()) return answer_all(group, answer_to(error));
  } catch (const std::bad_alloc&) {
    return answer_all(group, out_of_memory());
  }
  try {
    write_in_one_transaction(group, Apart::yes);
  } catch (const SqliteError& error) {
    answer_all(group, answer_to(error));
  } catch (const std::bad_alloc&) {
    answer_all(group, out_of_memory());
  }
}

void GroupWriter::write_each(Entries& group) {
  Entries one;
  for (std::size_t left = group.size(); left > 0; --left) {
    one.splice(one.end(), group, group.begin());
    write(one);
    group.splice(group.end(), one);
  }
}

void GroupWriter::write_in_one_transaction(Entries& group, Apart apart) {
  Transaction transaction(db_, Transaction::Kind::write);
  const auto changes = sqlite3_total_changes64(db_.handle());
  ids_.write_marks(db_);
  for (Entry& entry : group) {
    if (apart == Apart::yes) {
      apply_apart(entry);
    } else {
      apply_batch(entry);
    }
  }
  const bool writes = sqlite3_total_changes64(db_.handle()) != changes;
  transaction.commit();
  ids_.committed();
  if (writes) release_slots(group);
}

void GroupWriter::apply_batch(Entry& entry) {
  entry.effects.answer = Answer{};
  entry.effects.freed.clear();
  for (const Command& command : entry.batch) apply(db_, command, entry.effects);
}

void GroupWriter::apply_apart(Entry& entry) {
  const auto undo = [&](Answer answer) {
    db_.query("ROLLBACK TO batch").run();
    db_.query("RELEASE batch").run();
    entry.effects.answer = std::move(answer);
    entry.effects.freed.clear();
    keep_in_doubt(entry);
  };
  db_.query("SAVEPOINT batch").run();
  try {
    apply_batch(entry);
    db_.query("RELEASE batch").run();
  } catch (const Contradiction& error) {
    undo({StoreError::fault, error.what(), {}});
  } catch (const SqliteError& error) {
    if (!error.constraint()) throw;
    undo(answer_to(error));
  }
}

void GroupWriter::answer_all(Entries& group, const Answer& answer) noexcept {
  for (Entry& entry : group) {
    try {
      entry.effects.answer = answer;
    } catch (const std::bad_alloc&) {
      entry.effects.answer = {answer.error, {}, {}};
    }
    keep_in_doubt(entry);
  }
}

// Without memory for their number the slots stay unused until the next open.
void GroupWriter::keep_in_doubt(Entry& entry) noexcept {
  try {
    for (const PlacedBody& body : entry.effects.placed) {
      for (const PlacedPiece& piece : body.pieces) in_doubt_.push_back(piece.slot);
    }
  } catch (const std::bad_alloc&) {
  }
  entry.effects.placed.clear();
}

// The log was written over up to here: what failed before cannot come back.
void GroupWriter::release_slots(const Entries& group) noexcept {
  try {
    for (const Entry& entry : group) {
      in_doubt_.insert(in_doubt_.end(), entry.effects.freed.begin(), entry.effects.freed.end());
    }
  } catch (const std::bad_alloc&) {
  }
  if (in_doubt_.empty()) return;
  release_(in_doubt_);
  in_doubt_.clear();
}

}  // namespace cordon::store
