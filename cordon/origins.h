// Who sends: the register of origins and of the identifiers that lead to them
// (docs/architecture.md, "Words"). In memory, rebuilt from the store; what is new is handed back
// for the carrier to store. Not thread-safe.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "store/types.h"

namespace cordon {

class Origins {
 public:
  void restore(const store::Origin& origin);

  // The origin that `identifier` leads to now; nullopt if none does yet.
  std::optional<store::OriginId> find(store::IdentifierKind kind, std::string_view value) const;

  // Notes that `origin` sent mail. True at most once an hour for each origin, when the carrier
  // should store it.
  bool touch(store::OriginId origin, store::WallTime now);

  // How many origins sent mail since the full hour before `since`: what the share of cordoned ones
  // is taken of. Asked for every hit of a bait, so it costs one step an hour that it goes back, and
  // not one an origin.
  std::size_t seen_since(store::WallTime since) const;

  const std::string& label(store::OriginId origin) const;  // empty if unknown
  std::size_t size() const { return known_.size(); }

 private:
  struct Known {
    std::string label;
    store::WallTime last_seen;
    store::WallTime last_stored;
  };
  struct Key {
    store::IdentifierKind kind;
    std::string value;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      return std::hash<std::string>{}(key.value) ^ static_cast<std::size_t>(key.kind);
    }
  };
  std::unordered_map<Key, store::OriginId, KeyHash> by_identifier_;
  using Hour = std::chrono::sys_time<std::chrono::hours>;
  void count(store::OriginId origin, store::WallTime last_seen, bool add);

  std::unordered_map<store::OriginId, Known> known_;
  std::map<Hour, std::size_t> last_seen_in_;  // how many origins; no empty ones
};

}  // namespace cordon
