#include "store/group_writer.h"

#include "store/commands.h"

namespace cordon::store {
namespace {

// Bounds of one transaction: what one sync may carry without making the first of it wait too long.
constexpr std::size_t max_group_octets = std::size_t{8} * 1024 * 1024;
constexpr std::size_t max_group_commands = 4096;

std::size_t octets_of(const Batch& batch) {
  std::size_t octets = 0;
  for (const Command& command : batch) {
    if (const auto* accept = std::get_if<Accept>(&command)) octets += accept->bytes.size();
    if (const auto* piece = std::get_if<AppendBody>(&command)) octets += piece->bytes.size();
  }
  return octets;
}

Answer answer_to(const SqliteError& error) {
  Answer answer;
  answer.error = error.no_space()     ? StoreError::full
                 : error.constraint() ? StoreError::fault
                                      : StoreError::io;
  answer.detail = error.what();
  return answer;
}

template <typename Entry>
void answer_all(std::span<Entry> group, const Answer& answer) {
  for (auto& entry : group) entry.answer = answer;
}

}  // namespace

GroupWriter::GroupWriter(Database& db) : db_(db), ids_(db), thread_([this] { run(); }) {}

void GroupWriter::submit(Batch batch, Store::Done done) {
  Entry entry{std::move(batch), std::move(done), 0, false, {}};
  entry.octets = octets_of(entry.batch);
  const std::lock_guard lock(mutex_);
  entry.too_late = stopping_;
  queue_.push_back(std::move(entry));
  if (!writing_) changed_.notify_all();
}

void GroupWriter::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void GroupWriter::between_transactions(const std::function<void()>& work) {
  std::unique_lock lock(mutex_);
  ++pauses_;
  changed_.wait(lock, [this] { return !writing_; });
  lock.unlock();
  work();
  lock.lock();
  --pauses_;
  changed_.notify_all();
}

void GroupWriter::run() {
  std::vector<Entry> group;
  while (take_group(group)) {
    if (!group.empty() && group.front().too_late) {
      answer_all(std::span(group), {StoreError::closed, "the store is closing", {}});
    } else {
      write(group);
    }
    for (Entry& entry : group) entry.done(entry.answer);
    group.clear();
  }
}

// Waits for work; false when the writer is to end. A group has only batches that came in time, or
// only such as came too late.
bool GroupWriter::take_group(std::vector<Entry>& group) {
  std::unique_lock lock(mutex_);
  writing_ = false;
  if (pauses_ > 0) changed_.notify_all();
  changed_.wait(lock, [this] { return pauses_ == 0 && (!queue_.empty() || stopping_); });
  if (queue_.empty() && stopping_) return false;
  std::size_t octets = 0;
  std::size_t commands = 0;
  while (!queue_.empty() && (group.empty() || (octets + queue_.front().octets <= max_group_octets &&
                                               commands < max_group_commands))) {
    if (!group.empty() && group.front().too_late != queue_.front().too_late) break;
    octets += queue_.front().octets;
    commands += queue_.front().batch.size();
    group.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  writing_ = true;
  return true;
}

void GroupWriter::write(std::span<Entry> group) {
  try {
    write_in_one_transaction(group, Apart::no);
    return;
  } catch (const Contradiction&) {
  } catch (const SqliteError& error) {
    if (!error.constraint() && !(error.no_space() && group.size() > 1)) {
      answer_all(group, answer_to(error));
      return;
    }
    if (error.no_space()) {
      for (Entry& entry : group) write({&entry, 1});
      return;
    }
  }
  try {
    write_in_one_transaction(group, Apart::yes);
  } catch (const SqliteError& error) {
    answer_all(group, answer_to(error));
  }
}

void GroupWriter::write_in_one_transaction(std::span<Entry> group, Apart apart) {
  Transaction transaction(db_, Transaction::Kind::write);
  ids_.write_marks(db_);
  for (Entry& entry : group) {
    entry.answer = Answer{};
    if (apart == Apart::yes) {
      apply_apart(entry);
    } else {
      apply_batch(entry);
    }
  }
  transaction.commit();
  ids_.committed();
}

void GroupWriter::apply_batch(Entry& entry) {
  for (const Command& command : entry.batch) apply(db_, command, entry.answer);
}

void GroupWriter::apply_apart(Entry& entry) {
  const auto undo = [this] {
    db_.query("ROLLBACK TO batch").run();
    db_.query("RELEASE batch").run();
  };
  db_.query("SAVEPOINT batch").run();
  try {
    apply_batch(entry);
    db_.query("RELEASE batch").run();
  } catch (const Contradiction& error) {
    undo();
    entry.answer = {StoreError::fault, error.what(), {}};
  } catch (const SqliteError& error) {
    if (!error.constraint()) throw;
    undo();
    entry.answer = answer_to(error);
  }
}

}  // namespace cordon::store
