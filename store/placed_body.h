// Content on its way from the slot file into rows.
#pragma once

#include <cstdint>
#include <vector>

#include "store/slot_set.h"
#include "store/types.h"

namespace cordon::store {

struct PlacedPiece {
  Slot slot{};
  std::uint32_t octets = 0;
};

// The pieces of one message that are in slots, from the first on. What an Accept has besides, its
// row keeps inline.
struct PlacedBody {
  MessageId message{};
  std::vector<PlacedPiece> pieces;
};

}  // namespace cordon::store
