#include "cordon/origins.h"

#include <algorithm>
#include <chrono>

namespace cordon {

using store::OriginId;
using store::WallTime;

void Origins::restore(const store::Origin& origin) {
  known_[origin.id] = {origin.label, origin.last_seen, origin.last_seen};
  for (const auto& identifier : origin.identifiers)
    if (!identifier.valid_to) by_identifier_[{identifier.kind, identifier.value}] = origin.id;
}

std::optional<OriginId> Origins::find(store::IdentifierKind kind, std::string_view value) const {
  const auto found = by_identifier_.find({kind, std::string(value)});
  if (found == by_identifier_.end()) return std::nullopt;
  return found->second;
}

bool Origins::touch(OriginId origin, WallTime now) {
  Known& known = known_[origin];
  known.last_seen = std::max(known.last_seen, now);
  if (now - known.last_stored < std::chrono::hours(1)) return false;
  known.last_stored = now;
  return true;
}

std::size_t Origins::seen_since(WallTime since) const {
  return static_cast<std::size_t>(
      std::count_if(known_.begin(), known_.end(), [&](const auto& item) {
        return item.first != store::the_gateway && item.second.last_seen >= since;
      }));
}

const std::string& Origins::label(OriginId origin) const {
  static const std::string unknown;
  const auto found = known_.find(origin);
  return found == known_.end() ? unknown : found->second.label;
}

}  // namespace cordon
