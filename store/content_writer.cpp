#include "store/content_writer.h"

#include <algorithm>
#include <cerrno>
#include <new>
#include <system_error>

#include "store/commands.h"

namespace cordon::store {
namespace {

using Clock = std::chrono::steady_clock;

// What one turn writes before those who wait for a sync get it, and what may be unsynced in all: so
// that no sync has much more than that to wait for.
constexpr std::size_t turn_octets = std::size_t{4} * 1024 * 1024;
constexpr std::size_t most_unsynced = std::size_t{16} * 1024 * 1024;

// Slots that were free throughout a period lose their space, but for those kept for the next rush.
constexpr std::chrono::seconds look_period{10};
constexpr std::size_t spare_kept = 256;
constexpr std::size_t most_given_back = 4096;  // at a time

// Without memory for the words it goes without them.
Answer answer_of(StoreError error, const char* words) noexcept {
  Answer answer{error, {}, {}};
  try {
    answer.detail = words;
  } catch (const std::bad_alloc&) {
  }
  return answer;
}

Answer answer_to(const std::system_error& error) noexcept {
  const int code = error.code().value();
  const bool full = code == ENOSPC || code == EDQUOT || code == EFBIG;
  return answer_of(full ? StoreError::full : StoreError::io, error.what());
}

std::system_error lost_content() {
  return {EIO, std::generic_category(), "an earlier piece of the content was lost"};
}

// So that push_back() cannot fail.
template <typename T>
void make_room_for_one(std::vector<T>& list) {
  if (list.size() == list.capacity()) list.reserve(2 * list.size() + 4);
}

}  // namespace

ContentWriter::ContentWriter(SlotFile file, GroupWriter& writer, std::size_t inline_max)
    : writer_(writer),
      inline_max_(std::min(inline_max, max_body_piece)),
      file_(std::move(file)),
      next_look_(Clock::now() + look_period),
      thread_([this] { run(); }) {}

bool ContentWriter::concerns(const Batch& batch) const {
  return std::any_of(batch.begin(), batch.end(), [this](const Command& command) {
    const auto* accept = std::get_if<Accept>(&command);
    if (accept != nullptr) return accept->piece > 0 || accept->bytes.size() > inline_max_;
    return std::holds_alternative<AppendBody>(command) || std::holds_alternative<DropBody>(command);
  });
}

void ContentWriter::submit(Batch batch, Store::Done done) {
  std::unique_lock lock(mutex_);
  if (stopping_) {
    lock.unlock();
    writer_.submit(std::move(batch), std::move(done));
    return;
  }
  queue_.add(std::move(batch), std::move(done));
  if (waiting_) changed_.notify_one();
}

void ContentWriter::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void ContentWriter::release(std::vector<Slot>& slots) noexcept {
  const std::lock_guard lock(mutex_);
  try {
    released_.insert(released_.end(), slots.begin(), slots.end());
  } catch (const std::bad_alloc&) {
    return;
  }
  if (waiting_) changed_.notify_one();
}

void ContentWriter::refuse(bool refused) {
  const std::lock_guard lock(mutex_);
  refused_ = refused;
  if (waiting_) changed_.notify_one();
}

// ---- the content thread

void ContentWriter::run() {
  ContentJobs turn;
  ContentJobs waiting;
  while (take_turn(turn)) {
    write_and_answer(turn, waiting);
    if (!waiting.empty() || unsynced_octets_ > most_unsynced) sync(waiting);
    give_back_space();
  }
}

// Waits for something to do, be it only slots to be given back; false when the thread is to end.
bool ContentWriter::take_turn(ContentJobs& turn) {
  std::unique_lock lock(mutex_);
  const auto work = [this] {
    return !queue_.empty() || stopping_ || !released_.empty() || refused_ != refusing_;
  };
  waiting_ = true;
  if (file_.spare() > spare_kept) {
    changed_.wait_until(lock, next_look_, work);
  } else {
    changed_.wait(lock, work);
  }
  waiting_ = false;
  for (const Slot slot : released_) file_.free(slot);
  released_.clear();
  refusing_ = refused_;
  if (queue_.empty()) return !stopping_;
  queue_.take(turn, turn_octets);
  return true;
}

void ContentWriter::give_back_space() {
  if (refusing_) file_.give_back(0);
  const auto now = Clock::now();
  if (now < next_look_) return;
  if (least_spare_ > spare_kept) {
    const std::size_t unused = std::min(least_spare_ - spare_kept, most_given_back);
    file_.give_back(file_.spare() - std::min(file_.spare(), unused));
  }
  least_spare_ = file_.spare();
  next_look_ = now + look_period;
}

void ContentWriter::write_and_answer(ContentJobs& turn, ContentJobs& waiting) {
  while (!turn.empty()) {
    ContentJobs one;
    one.splice(one.begin(), turn, turn.begin());
    ContentJob& job = one.front();
    write(job);
    if (!job.answer.ok() || !job.has_rows) {
      job.done(job.answer);
    } else if (job.unsynced) {
      waiting.splice(waiting.end(), one);
    } else {
      pass_on(job);
    }
  }
}

void ContentWriter::write(ContentJob& job) {
  try {
    for (Command& command : job.batch) {
      if (auto* piece = std::get_if<AppendBody>(&command)) append(job, *piece);
      if (auto* dropped = std::get_if<DropBody>(&command)) drop(dropped->message);
      if (auto* accept = std::get_if<Accept>(&command)) place(job, *accept);
    }
    return;
  } catch (const Contradiction& error) {
    job.answer = answer_of(StoreError::fault, error.what());
  } catch (const std::system_error& error) {
    job.answer = answer_to(error);
  } catch (const std::bad_alloc&) {
    job.answer = out_of_memory();
  }
  undo(job);
}

void ContentWriter::append(ContentJob& job, AppendBody& command) {
  check_piece(command.message, command.piece, command.bytes.size());
  const auto id = static_cast<std::int64_t>(command.message);
  if (command.bytes.size() != max_body_piece) {
    throw Contradiction("a short piece within the content of message", id);
  }
  OpenBody& body = open_[command.message];
  if (body.lost) throw lost_content();
  if (body.pieces.size() != command.piece) throw Contradiction("content out of order, message", id);
  make_room_for_one(job.appended);
  make_room_for_one(body.pieces);
  body.pieces.push_back(store_piece(command.bytes));
  body.round = round_;
  job.appended.push_back(command.message);
  command.bytes = {};
}

// Moves the content from the open body to the job. Whatever fails, the open body is gone after it.
void ContentWriter::place(ContentJob& job, Accept& command) {
  const MessageId message = command.message.id;
  OpenBody body;
  if (const auto found = open_.find(message); found != open_.end()) {
    body = std::move(found->second);
    open_.erase(found);
  }
  if (body.lost) throw lost_content();
  try {
    check_piece(message, command.piece, command.bytes.size());
    if (body.pieces.size() != command.piece) {
      throw Contradiction("content out of order, message", static_cast<std::int64_t>(message));
    }
    make_room_for_one(job.placed);
    if (command.bytes.size() > inline_max_) {
      make_room_for_one(body.pieces);
      body.pieces.push_back(store_piece(command.bytes));
      body.round = round_;
      command.bytes = {};
    }
  } catch (...) {
    free(body.pieces);
    throw;
  }
  job.unsynced = job.unsynced || (!body.pieces.empty() && body.round == round_);
  job.placed.push_back({message, std::move(body.pieces)});
  std::erase(job.appended, message);  // undone with `placed` from now on
}

void ContentWriter::drop(MessageId message) noexcept {
  const auto found = open_.find(message);
  if (found == open_.end()) return;
  free(found->second.pieces);
  open_.erase(found);
}

// What the batch wrote is free again. Later pieces of a message cannot be there: its lane waits.
void ContentWriter::undo(ContentJob& job) noexcept {
  for (const PlacedBody& body : job.placed) free(body.pieces);
  job.placed.clear();
  for (const MessageId message : job.appended) {
    const auto found = open_.find(message);
    if (found == open_.end() || found->second.pieces.empty()) continue;
    file_.free(found->second.pieces.back().slot);
    found->second.pieces.pop_back();
  }
  for (const Command& command : job.batch) {
    const auto* append = std::get_if<AppendBody>(&command);
    const auto found = append != nullptr ? open_.find(append->message) : open_.end();
    if (found != open_.end() && found->second.pieces.empty() && !found->second.lost) {
      open_.erase(found);
    }
  }
}

PlacedPiece ContentWriter::store_piece(std::string_view bytes) {
  if (refusing_) throw std::system_error(ENOSPC, std::generic_category(), "space kept for alerts");
  const Slot slot = file_.take();
  least_spare_ = std::min(least_spare_, file_.spare());
  try {
    file_.write(slot, bytes);
  } catch (...) {
    file_.free(slot);
    throw;
  }
  unsynced_octets_ += bytes.size();
  return {slot, static_cast<std::uint32_t>(bytes.size())};
}

void ContentWriter::sync(ContentJobs& waiting) {
  Answer failure;
  try {
    file_.sync();
  } catch (const std::system_error& error) {
    failure = answer_to(error);
  } catch (const std::bad_alloc&) {
    failure = out_of_memory();
  }
  if (!failure.ok()) {
    for (ContentJob& job : waiting) undo(job);
    give_up_unsynced();
  }
  ++round_;
  unsynced_octets_ = 0;
  for (; !waiting.empty(); waiting.pop_front()) {
    ContentJob& job = waiting.front();
    if (failure.ok()) {
      pass_on(job);
    } else {
      job.done(failure);
    }
  }
}

void ContentWriter::give_up_unsynced() noexcept {
  for (auto& [message, body] : open_) {
    if (body.round != round_ || body.lost) continue;
    free(body.pieces);
    body.pieces.clear();
    body.lost = true;
  }
  file_.forget_unsynced_growth();
}

void ContentWriter::pass_on(ContentJob& job) {
  try {
    writer_.submit_placed(job);
  } catch (const std::bad_alloc&) {
    undo(job);
    job.done(out_of_memory());
  }
}

void ContentWriter::free(const std::vector<PlacedPiece>& pieces) noexcept {
  for (const PlacedPiece& piece : pieces) file_.free(piece.slot);
}

}  // namespace cordon::store
