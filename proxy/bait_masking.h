// Keeps baits out of what leaves this process: logs, reports to operators.
#pragma once

#include <string>
#include <string_view>

#include "baits/matcher.h"

namespace cordon::proxy {

// `text` with each mailbox in it that is a bait as "bait:ID".
std::string without_baits(const baits::Matcher& matcher, std::string_view text);

}  // namespace cordon::proxy
