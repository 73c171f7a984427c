#include "store/slot_set.h"

#include <bit>

namespace cordon::store {
namespace {

constexpr std::uint64_t bits = 64;

std::size_t word_of(Slot slot) { return static_cast<std::uint32_t>(slot) / bits; }
std::uint64_t bit_of(Slot slot) {
  return std::uint64_t{1} << (static_cast<std::uint32_t>(slot) % bits);
}

}  // namespace

void SlotSet::reserve(std::uint64_t slots) {
  const auto words = static_cast<std::size_t>((slots + bits - 1) / bits);
  if (words > words_.size()) words_.resize(words);
}

bool SlotSet::add(Slot slot) {
  reserve(static_cast<std::uint64_t>(slot) + 1);
  std::uint64_t& word = words_[word_of(slot)];
  if ((word & bit_of(slot)) != 0) return false;
  word |= bit_of(slot);
  ++size_;
  if (word_of(slot) < first_) first_ = word_of(slot);
  return true;
}

bool SlotSet::remove(Slot slot) {
  if (!has(slot)) return false;
  words_[word_of(slot)] &= ~bit_of(slot);
  --size_;
  return true;
}

bool SlotSet::has(Slot slot) const {
  return word_of(slot) < words_.size() && (words_[word_of(slot)] & bit_of(slot)) != 0;
}

std::optional<Slot> SlotSet::lowest() const {
  if (size_ == 0) return std::nullopt;
  while (words_[first_] == 0) ++first_;
  return Slot{static_cast<std::uint32_t>(first_ * bits) +
              static_cast<std::uint32_t>(std::countr_zero(words_[first_]))};
}

void SlotSet::cut(std::uint32_t end) {
  for (std::size_t word = end / bits; word < words_.size(); ++word) {
    const std::uint64_t keep = word > end / bits ? 0 : (std::uint64_t{1} << (end % bits)) - 1;
    size_ -= static_cast<std::size_t>(std::popcount(words_[word] & ~keep));
    words_[word] &= keep;
  }
}

std::uint64_t SlotSet::end() const {
  for (std::size_t word = words_.size(); word > 0; --word) {
    if (words_[word - 1] != 0) {
      return word * bits - static_cast<std::uint64_t>(std::countl_zero(words_[word - 1]));
    }
  }
  return 0;
}

}  // namespace cordon::store
