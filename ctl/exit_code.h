// How cordonctl ends; part of its interface, told in --help.
#pragma once

namespace cordon::ctl {

enum ExitCode : int {
  exit_done = 0,
  exit_nothing = 1,  // nothing matched, or cordond could not do it
  exit_usage = 2,
  exit_unreachable = 3,  // no cordond at the socket, or it went away
  exit_not_permitted = 4,
};

}  // namespace cordon::ctl
