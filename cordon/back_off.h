// When a destination that could not be reached is tried again: for all of its mail together, not
// for each message by itself, so that a dead server costs a connection now and then and not one a
// message (RFC 5321 4.5.4.1). A failure that is about one message (a 4xx to RCPT) does not count
// here; that message's own retry plan takes care of it. Pure: time and randomness are handed in.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "cordon/retry.h"
#include "store/types.h"

namespace cordon {

class BackOff {
 public:
  // Closed: not before this, and why.
  struct Closed {
    store::Uptime until;
    std::string why;
  };
  // Empty if the destination may be tried now.
  std::optional<Closed> closed(const std::string& destination, store::Uptime now) const;
  // No session came about. What fails while it is closed already began before, and does not count.
  void failed(const std::string& destination, store::Uptime now, const RetryPlan& plan,
              double random, std::string why);
  // A session came about: all is forgotten.
  void reached(const std::string& destination);
  // Destinations that nobody asked for since `before`: forgotten, so that memory stays bounded.
  void forget(store::Uptime before);
  std::size_t size() const { return known_.size(); }

 private:
  struct Failing {
    std::uint32_t failures = 0;
    Closed closed;
  };
  std::map<std::string, Failing> known_;
};

}  // namespace cordon
