// What a violation is answered with: the safety rules of docs/architecture.md as one pure function.
// A cordon must not become a lever for denial of service, nor fall on a mail server that only
// bounced to a forged sender.
#pragma once

#include <cstdint>
#include <string>

#include "cordon/policy.h"
#include "store/types.h"

namespace cordon {

struct SafetyLimits {
  std::uint32_t max_cordons_per_hour = 10;
  double max_cordon_share = 0.2;          // of the origins seen in the last 24 h
  std::uint32_t cordon_share_floor = 10;  // origins; below it the share is not looked at
  std::uint32_t score_limit = 3;          // distinct baits by automatic mail before a review
};

struct Circumstances {
  Mode mode = Mode::enforce;
  bool shared_origin = false;     // an MTA, a NAT, a terminal server
  bool automatic_sender = false;  // null reverse path, or Auto-Submitted in the header (RFC 3834)
  std::uint32_t score = 0;  // distinct baits that automatic mail of this origin met, with this
  std::uint32_t cordons_last_hour = 0;
  std::size_t origins_cordoned = 0;
  std::size_t origins_seen = 0;  // in the last 24 h
};

struct Verdict {
  store::Response response = store::Response::observed;
  bool review_all = false;  // with Response::review: everything, not only this origin
  std::string reason;       // one sentence for the alert
};

Verdict judge(const Circumstances& at, const SafetyLimits& limits);

}  // namespace cordon
