// What one attempt made of a message, recipient by recipient: what the store keeps of it, and what
// its sender may be told. Values only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "smtp/reply.h"
#include "store/store.h"

namespace cordon::proxy {

struct Fate {
  std::uint32_t index = 0;  // the recipient's place in the envelope
  store::RecipientState state = store::RecipientState::pending;
  smtp::Reply reply;           // the last words about it
  std::string heard_from;      // the server whose words they are; empty: ours
  bool dsn_passed_on = false;  // delivered to a server that reports what becomes of it
  bool expired = false;        // failed because its time was over
  bool late = false;           // pending, for so long that its sender may be told, and was not yet
};

struct Attempt {
  std::vector<Fate> fates;
  store::WallTime at;
  bool tried = true;  // false: only looked at
  std::optional<store::WallTime> will_retry_until;
};

}  // namespace cordon::proxy
