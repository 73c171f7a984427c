// Slots of the content file, and sets of them: a bit a slot, since a file has up to millions.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace cordon::store {

// The place of a slot in the file, counted from 0.
enum class Slot : std::uint32_t {};

class SlotSet {
 public:
  // Room for slots below `slots`: adding one of them then allocates nothing.
  void reserve(std::uint64_t slots);

  bool add(Slot slot);     // false: it was in
  bool remove(Slot slot);  // false: it was not
  bool has(Slot slot) const;
  std::size_t size() const { return size_; }
  std::optional<Slot> lowest() const;
  // All slots from `end` on are taken out.
  void cut(std::uint32_t end);
  // One above the highest slot; 0 if the set is empty.
  std::uint64_t end() const;

 private:
  std::vector<std::uint64_t> words_;
  std::size_t size_ = 0;
  mutable std::size_t first_ = 0;  // no word before this one has a slot
};

}  // namespace cordon::store
