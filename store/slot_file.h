// The file beside the database that has the content of large messages, in slots of max_body_piece.
// Rows of body_slot say what is in which; the file itself has no structure. A slot is overwritten
// in place time and again, so that a sync seldom has to write the file system's own records, and
// what quarantine keeps for long pins its slots and nothing else: no compaction, ever.
//
// Not for two threads at once. What the system refuses is std::system_error with its errno.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "store/opening.h"
#include "store/slot_set.h"
#include "store/store.h"

namespace cordon::store {

inline constexpr std::uint64_t slot_octets = max_body_piece;

class SlotFile {
 public:
  // Made if there is none (mode 0600, its name synced). All slots but `used` are free. Throws
  // OpenError.
  SlotFile(const std::filesystem::path& directory, const SlotSet& used);

  // The lowest free slot, so that use stays in the front part. Grows the file when none is free.
  Slot take();
  // Throws nothing; the slot's bytes stay until it is taken again.
  void free(Slot slot) noexcept;
  // At most slot_octets. The rest of the last page is zeros, so the system need not read it first.
  void write(Slot slot, std::string_view bytes);
  // All that was written before is on stable storage after it. If it throws, none of what was
  // written since the last good sync may be believed, also not after a later good one: the system
  // may have dropped the pages it could not write (fsync(2), "EIO").
  void sync();
  // After a failed sync, once all slots written since the last good one are free: takes back the
  // growth since then, which may be lost like the bytes.
  void forget_unsynced_growth() noexcept;

  // Free slots that still have space on the disk.
  std::size_t spare() const { return free_.size() - holes_.size(); }
  // Gives the space of the highest free slots back to the file system until no more than `keep` are
  // spare: cuts off the file's end, makes holes elsewhere. Errors are passed over: it is only
  // space.
  void give_back(std::size_t keep) noexcept;

  std::uint32_t slots() const { return slots_; }

 private:
  void grow();
  bool grow_by(std::uint32_t slots);
  void cut_to(std::uint32_t slots) noexcept;

  File file_;
  std::uint32_t slots_ = 0;   // in the file
  std::uint32_t synced_ = 0;  // of these, how many were there at the last good sync
  SlotSet free_;
  SlotSet holes_;       // free, and without space on the disk
  std::string padded_;  // one slot, for writes that end within a page
};

}  // namespace cordon::store
