// What an operator may have the gateway do. The control endpoint calls it; the gateway implements
// it. Each call blocks until the change is on stable storage and in force, so it is for the control
// thread, never for an event thread. Each writes its own audit entry.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "baits/matcher.h"
#include "store/store.h"

namespace cordon::proxy {

// Who asks: from the socket's peer credentials.
struct Caller {
  std::int64_t uid = -1;
  std::string user;
};

struct ActionResult {
  std::string error;               // empty: done
  std::uint64_t changed = 0;       // how many it applied to
  std::vector<std::string> notes;  // per object: why one was left alone; bait ids for added baits
  bool ok() const { return error.empty(); }
};

struct NewBait {
  baits::BaitKind kind = baits::BaitKind::address;
  std::string value;
  std::string label;
};

// A moment's figures. Counters count since start.
struct GatewayStatus {
  std::string version;
  std::string hostname;
  std::string gateway_id;
  std::int64_t uptime_seconds = 0;  // of this run
  bool commits_stopped = false;     // an alert could not be stored
  bool review_of_all = false;       // everything is held for a person to decide
  std::uint64_t sessions = 0;
  std::uint64_t held = 0;  // waiting, not in quarantine
  std::uint64_t quarantined = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t accepted = 0;
  std::uint64_t committed = 0;
  std::uint64_t deferred = 0;  // attempts
  std::uint64_t failed = 0;
  std::uint64_t violations = 0;
  std::uint64_t baits = 0;
  std::uint64_t active_cordons = 0;  // enforced
  std::uint64_t origins = 0;
};

class OperatorActions {
 public:
  virtual ~OperatorActions() = default;

  virtual GatewayStatus status() = 0;

  virtual ActionResult hold_messages(std::span<const store::MessageId> ids, const Caller& who) = 0;
  // From the queue: due at once. From quarantine: cleared of whatever held it, and due at once.
  virtual ActionResult release_messages(std::span<const store::MessageId> ids,
                                        const Caller& who) = 0;
  virtual ActionResult delete_messages(std::span<const store::MessageId> ids,
                                       const Caller& who) = 0;

  virtual ActionResult add_cordon(store::OriginId origin, std::string_view reason,
                                  const Caller& who) = 0;
  // `withdraw`: it was a mistake, and what it holds flows on. Otherwise that stays in quarantine.
  virtual ActionResult lift_cordon(store::CordonId cordon, bool withdraw, const Caller& who) = 0;

  // All or none. Without `force` refuses what baits/vetting.h refuses.
  virtual ActionResult add_baits(std::span<const NewBait> baits, bool force, const Caller& who) = 0;
  virtual ActionResult retire_baits(std::span<const baits::BaitId> ids, std::string_view why,
                                    const Caller& who) = 0;
  // Which bait an address would hit; raises nothing.
  virtual std::optional<baits::Hit> test_bait(std::string_view mailbox) = 0;

  virtual ActionResult approve_warnings(std::span<const store::WarningId> ids,
                                        const Caller& who) = 0;
};

}  // namespace cordon::proxy
