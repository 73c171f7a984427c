// Sessions that are opened, say EHLO, and are then held: for measuring what an idle session costs
// the server.
#pragma once

#include "bench/load_plan.h"

namespace cordon::bench {

// Prints "ready" when all are open, holds them until standard input closes, then prints how many
// are still open: {"held":N,"lost":N}. The exit code: 1 if any was not opened or was lost.
int hold_idle_sessions(const Plan& plan);

}  // namespace cordon::bench
