// Words of policy that several rooms share.
#pragma once

#include <cstdint>

namespace cordon {

// How far Cordon is trusted, by listener and origin. Each step does all of the one before.
enum class Mode : std::uint8_t {
  observe,  // mail passes as soon as it is durable; violations are reported with what would have
            // been
  hold,     // mail is held for the period, so users feel the delay; violations are only reported
  enforce,  // violations cordon
};

// What happens above the message cap (BESIDES 4.3: "delivered when ... the number of delayed
// messages exceeds the message number threshold").
enum class OnCap : std::uint8_t {
  commit_oldest,  // as in the paper: the oldest leaves early
  defer,          // the new one is refused with a 4xx; gives away to a flooder that a cap is there
};

}  // namespace cordon
