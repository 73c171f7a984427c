// Logins that a server has refused for good: they are not tried there again with what waits, since
// each failure brings the user nearer to being locked out. Known by a keyed digest, so that no
// secret stays in memory for it. Bounded: of more than fit, the oldest is forgotten. Not
// thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <set>

#include "proxy/upstream_route.h"
#include "smtp/credentials.h"

namespace cordon::proxy {

class RefusedLogins {
 public:
  explicit RefusedLogins(std::size_t most = 10'000);

  void note(const Destination& server, const smtp::Credentials& login);
  // The same secret was taken after all.
  void forget(const Destination& server, const smtp::Credentials& login);
  bool knows(const Destination& server, const smtp::Credentials& login) const;
  std::size_t size() const { return known_.size(); }

 private:
  using Digest = std::array<std::uint8_t, 32>;
  Digest digest(const Destination& server, const smtp::Credentials& login) const;

  std::size_t most_;
  Digest key_{};  // random
  std::set<Digest> known_;
  std::list<Digest> in_order_;
};

}  // namespace cordon::proxy
