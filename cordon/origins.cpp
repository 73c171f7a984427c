#include "cordon/origins.h"

#include <chrono>
#include <numeric>

namespace cordon {

using store::OriginId;
using store::WallTime;

void Origins::restore(const store::Origin& origin) {
  const auto [known, fresh] = known_.try_emplace(origin.id);
  if (!fresh) count(origin.id, known->second.last_seen, false);
  known->second = {origin.label, origin.last_seen, origin.last_seen};
  count(origin.id, origin.last_seen, true);
  for (const auto& identifier : origin.identifiers)
    if (!identifier.valid_to) by_identifier_[{identifier.kind, identifier.value}] = origin.id;
}

std::optional<OriginId> Origins::find(store::IdentifierKind kind, std::string_view value) const {
  const auto found = by_identifier_.find({kind, std::string(value)});
  if (found == by_identifier_.end()) return std::nullopt;
  return found->second;
}

bool Origins::touch(OriginId origin, WallTime now) {
  const auto [place, fresh] = known_.try_emplace(origin);
  Known& known = place->second;
  if (fresh || now > known.last_seen) {
    if (!fresh) count(origin, known.last_seen, false);
    known.last_seen = now;
    count(origin, now, true);
  }
  if (now - known.last_stored < std::chrono::hours(1)) return false;
  known.last_stored = now;
  return true;
}

std::size_t Origins::seen_since(WallTime since) const {
  const auto first = last_seen_in_.lower_bound(std::chrono::floor<std::chrono::hours>(since));
  return std::accumulate(first, last_seen_in_.end(), std::size_t{0},
                         [](std::size_t sum, const auto& hour) { return sum + hour.second; });
}

void Origins::count(OriginId origin, WallTime last_seen, bool add) {
  if (origin == store::the_gateway) return;
  const auto hour =
      last_seen_in_.try_emplace(std::chrono::floor<std::chrono::hours>(last_seen)).first;
  hour->second += add ? 1 : static_cast<std::size_t>(-1);
  if (hour->second == 0) last_seen_in_.erase(hour);
}

const std::string& Origins::label(OriginId origin) const {
  static const std::string unknown;
  const auto found = known_.find(origin);
  return found == known_.end() ? unknown : found->second.label;
}

}  // namespace cordon
