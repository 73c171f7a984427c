// epoll(7), edge-triggered: whoever is told that a descriptor is ready reads and writes until it
// would block, and then costs no system call for being watched again. One thread's. Errors of
// start-up are thrown as std::system_error.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include <sys/epoll.h>

#include "bench/descriptor.h"

namespace cordon::bench {

class Poller {
 public:
  Poller();

  // `who` is handed to the visitor when the descriptor has something new to read, room to write
  // after there was none, or was hung up. Closing the descriptor ends it.
  void watch(int descriptor, void* who);

  // Waits for at most `limit` (nullopt: for ever), then calls visit(who, events) for each that is
  // ready. A visitor must not destroy the `who` of another.
  template <typename Visit>
  void wait(std::optional<std::chrono::nanoseconds> limit, Visit visit) {
    const int count = gather(limit);
    for (int i = 0; i < count; ++i) visit(ready_[i].data.ptr, ready_[i].events);
  }

  int descriptor() const { return epoll_.number(); }

 private:
  int gather(std::optional<std::chrono::nanoseconds> limit);

  Descriptor epoll_;
  std::array<epoll_event, 256> ready_{};
};

// Makes as many descriptors usable as the system lets this process have.
void raise_descriptor_limit();

}  // namespace cordon::bench
