// Who logs in as a bait has guessed or stolen its name, since nobody has an account of it. Such a
// name is never sent upstream: the server is asked about a stand-in of the same shape, so that the
// answer takes as long as about any other name nobody has, and reads alike.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "baits/matcher.h"
#include "proxy/login.h"
#include "smtp/reply.h"

namespace cordon::proxy {

// The bait that somebody logs in as, if it is one: by either name. A name may be a mailbox or only
// its local part, have blanks or brackets around it, and a realm in front ("REALM\name").
std::optional<baits::Hit> bait_in(const baits::Matcher& matcher,
                                  const smtp::Credentials& credentials);

// What is asked in place of a bait.
struct StandIn {
  Login login;
  // What the server may repeat of it, and what was given there.
  std::vector<std::pair<std::string, std::string>> words;

  // A reply about the stand-in, as it would have been about what was given.
  smtp::Reply translate(smtp::Reply reply) const;
};

// Makes stand-ins: the same for the same name as long as this lives, since servers remember whom
// they refused, and of the same length in each part. The domain is that of the bait, unless it is
// the bait. Immutable: any thread.
class StandIns {
 public:
  StandIns();  // throws std::runtime_error if the system has no randomness
  StandIn of(const baits::Matcher& matcher, const smtp::Credentials& given) const;

  using Key = std::array<std::uint8_t, 32>;

 private:
  Key key_{};
};

}  // namespace cordon::proxy
