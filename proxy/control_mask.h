// Keeps bait values out of what operators are shown: an address that is a bait stands as "bait:ID"
// unless the caller may see baits and asked to.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/operator_actions.h"

namespace cordon::proxy {

// `text` with each mailbox in it for which `bait_of` has an answer as "bait:ID".
std::string mask_baits(
    std::string_view text,
    const std::function<std::optional<baits::BaitId>(const std::string& mailbox)>& bait_of);

class BaitMask {
 public:
  BaitMask(OperatorActions& actions, bool show_baits)
      : actions_(actions), show_baits_(show_baits) {}

  // A bait by its id or, if asked for, its value.
  std::string value(const baits::Bait& bait) const;
  // One mailbox.
  std::string mailbox(const std::string& text) const;
  // A line that may hold mailboxes anywhere: a command, a reply.
  std::string line(std::string_view text) const;

 private:
  OperatorActions& actions_;
  bool show_baits_;
};

}  // namespace cordon::proxy
