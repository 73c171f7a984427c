// The keys that open sealed credentials, one a message, in a file of a directory of their own: who
// gets the database, or a backup of it, cannot open what is sealed in it, and once the key is
// destroyed nobody can.
//
// The directory has mode 0700, the file (cordon.keys) 0600; CACHEDIR.TAG
// (https://bford.info/cachedir) asks backup programs to leave the directory out. The file begins
// with 64 octets, "Cordon's keys 1\n" and zeros; the rest are records of 64 (store/key_record.h).
//
// Destroying overwrites a record in place; sync() puts that on stable storage. Before that a power
// failure may bring a key back, or lose one that was put: credentials that no key opens are asked
// for again, so nothing here waits for the disk. What overwriting can do: the octets are gone where
// file system and device write in place, as ext4 and XFS do on a plain disk. A file system that
// writes elsewhere (btrfs, ZFS), a snapshot, a journal with data in it, and the spare blocks of an
// SSD may keep them until that space is used again. There the directory belongs on an encrypted
// device, or in memory (tmpfs), where keys end with the power.
//
// No key stays in memory: each is read from the file when it is asked for. Any thread. What the
// system refuses is std::system_error.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "store/file.h"
#include "store/key_record.h"
#include "store/slot_set.h"

namespace cordon::store {

inline constexpr const char* keys_name = "cordon.keys";

class KeyFile {
 public:
  // Makes directory and file if they are missing, and locks the file against other processes.
  // Throws OpenError, and changes nothing then: where others may enter the directory or read the
  // file, where the directory has other things in it, and where the file is none of ours or of
  // another version. A record that is torn or damaged is not believed, and free.
  explicit KeyFile(const std::filesystem::path& directory);
  static bool is_in(const std::filesystem::path& directory);

  // Instead of the one that the message has, if any. If it throws, the message has none.
  void put(MessageId message, WallTime made, const MessageKey& key);
  std::optional<MessageKey> get(MessageId message) const;
  bool holds(MessageId message) const;
  std::vector<MessageId> kept(WallTime made_before = WallTime::max()) const;  // by id
  // If it throws, the key is still there. A message without a key is left alone.
  void destroy(MessageId message);
  // What a wrong clock says was made later than `now` was made now.
  void none_later_than(WallTime now);
  // Those made before: gives their ids. One that cannot be overwritten stays for the next time.
  std::vector<MessageId> destroy_older(WallTime made_before);

  // Puts on stable storage what was put and destroyed before, if anything was, and gives back the
  // space behind the last record. Blocks on the disk; the other calls do not wait for it.
  void sync();

  std::uint64_t octets() const;  // of the file

 private:
  struct Place {
    Slot slot{};
    WallTime made;
  };
  using Places = std::unordered_map<MessageId, Place>;

  void read_records();
  void take(const KeyRecord& record, Slot slot);
  bool read_record(Slot slot, KeyOctets& octets) const;  // false: there is none so far behind
  void write(Slot slot, const KeyOctets& octets);
  void clear(Slot slot);
  Places::iterator forget(Places::iterator place);  // its slot is free then
  void cut_to(std::uint32_t end) noexcept;

  File file_;
  std::mutex syncing_;  // taken before mutex_
  mutable std::mutex mutex_;
  Places places_;
  std::uint32_t slots_ = 0;  // in the file
  SlotSet used_;
  SlotSet free_;
  bool changed_ = false;       // since the last sync
  bool distrusted_ = false;    // a sync failed: what was cleared may have been dropped
  std::uint32_t touched_ = 0;  // one above the highest slot written since the last sync began
};

}  // namespace cordon::store
