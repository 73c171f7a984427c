// The content thread: puts the content of large messages into slots, syncs it, and only then passes
// the batches that accept those messages on to the group writer. Small mail never waits for it.
//
// Which slots an unaccepted message has is known in memory alone, so a crash frees them by itself.
// A turn is a bounded amount of content taken fairly from all messages (content_queue.h); then one
// fdatasync serves all Accepts of the turn. From then on the batch owns the slots: the group writer
// gives them back by release() if its rows were not written, or when they are deleted.
//
// After a failed sync nothing that was written since the last good one is believed: those messages
// are lost, and their Accept fails. Without memory a batch fails with StoreError::io.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "store/content_queue.h"
#include "store/group_writer.h"
#include "store/slot_file.h"

namespace cordon::store {

class ContentWriter {
 public:
  // `writer` must outlive this. Accepts with more than `inline_max` octets of their own go to
  // slots.
  ContentWriter(SlotFile file, GroupWriter& writer, std::size_t inline_max);
  ~ContentWriter() { stop(); }
  ContentWriter(const ContentWriter&) = delete;
  ContentWriter& operator=(const ContentWriter&) = delete;

  // Whether the batch has content for slots. The others go to the group writer directly.
  bool concerns(const Batch& batch) const;
  // Any thread. After stop() began, what the closing group writer does with it.
  void submit(Batch batch, Store::Done done);
  void stop();  // after all that was submitted is answered or passed on

  // Slots that no row names any more, for sure: after the sync of the transaction that deleted
  // them. Any thread; without memory they stay unused until the next open.
  void release(std::vector<Slot>& slots) noexcept;

  // While refused, all content for slots is answered with StoreError::full, and the space of free
  // slots is given back. Any thread.
  void refuse(bool refused);

 private:
  // Content of a message that is not accepted yet.
  struct OpenBody {
    std::vector<PlacedPiece> pieces;
    std::uint64_t round = 0;  // that of its last write
    bool lost = false;        // a sync failed: its slots are given up
  };

  void run();
  bool take_turn(ContentJobs& turn);
  void give_back_space();
  void write_and_answer(ContentJobs& turn, ContentJobs& waiting);
  void write(ContentJob& job);
  void append(ContentJob& job, AppendBody& command);
  void place(ContentJob& job, Accept& command);
  void drop(MessageId message) noexcept;
  void undo(ContentJob& job) noexcept;
  PlacedPiece store_piece(std::string_view bytes);
  void sync(ContentJobs& waiting);
  void give_up_unsynced() noexcept;
  void pass_on(ContentJob& job);
  void free(const std::vector<PlacedPiece>& pieces) noexcept;

  GroupWriter& writer_;
  const std::size_t inline_max_;

  // The content thread's own.
  SlotFile file_;
  std::unordered_map<MessageId, OpenBody> open_;
  std::uint64_t round_ = 1;  // counts syncs: what was written in this one is not synced yet
  std::size_t unsynced_octets_ = 0;
  std::size_t least_spare_ = 0;  // of slots, since the last look
  bool refusing_ = false;
  std::chrono::steady_clock::time_point next_look_;

  std::mutex mutex_;
  std::condition_variable changed_;
  ContentQueue queue_;
  std::vector<Slot> released_;
  bool refused_ = false;
  bool waiting_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace cordon::store
