// What one thread counted. Everything is counted in `all`; what happens while the window of
// measuring is open counts in `measured` too, and only then are times kept.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "bench/load_histogram.h"

namespace cordon::bench {

using Clock = std::chrono::steady_clock;

enum class Phase : std::uint8_t {
  setup,  // connect to the reply to EHLO
  mail,   // each of these: command sent to its reply; when pipelined, from the one write of all
  rcpt,
  data,
  content,  // 354 to the last octet handed to the kernel
  dot,      // the final dot handed to the kernel to the reply to it
  quit,     // QUIT to the connection closed
};
inline constexpr std::array<const char*, 7> phase_names = {"setup",   "mail", "rcpt", "data",
                                                           "content", "dot",  "quit"};

struct Counts {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;  // with 4xx or 5xx, at whatever command, the greeting too
  std::uint64_t lost = 0;     // begun when their connection was lost: nobody knows
  std::uint64_t errors = 0;   // connections that failed, were lost, or spoke no SMTP

  Counts& operator+=(const Counts& other);
};

class Tally {
 public:
  bool open = false;  // the window; its thread's engine sets it

  void count(std::uint64_t Counts::*what) {
    ++(all.*what);
    if (open) ++(measured.*what);
  }
  void time(Phase phase, Clock::duration spent) {
    if (open) phases[static_cast<std::size_t>(phase)].add(spent);
  }
  const Histogram& of(Phase phase) const { return phases[static_cast<std::size_t>(phase)]; }

  void merge(const Tally& other);

  Counts all;
  Counts measured;
  std::array<Histogram, phase_names.size()> phases;
  Histogram late;           // open loop: how long after its time a message was begun
  double cpu_seconds = 0;   // of this thread, user and system, while the window was open
  Clock::time_point begin;  // of the window
  Clock::time_point end;
};

}  // namespace cordon::bench
