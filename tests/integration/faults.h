// What a test orders a program under test to suffer, in one page of memory that both map: see
// faults.cpp. The test writes the orders, the program the counts; each field is eight octets, in
// the order that faults.py knows as well.
#pragma once

#include <atomic>
#include <cstdint>

namespace cordon::faults {

struct Orders {
  using Field = std::atomic<std::int64_t>;

  Field io_error;       // errno of calls that fail; 0: none does
  Field io_calls;       // which kinds may fail: a sum of Calls
  Field io_every;       // of these each n-th, from 1
  Field io_failed;      // count of those that did
  Field memory_every;   // each n-th allocation of a thread that writes fails; 0: none does
  Field memory_least;   // but none of fewer octets than this
  Field memory_failed;  // count of those that did
  Field clock_ahead;    // seconds that CLOCK_REALTIME shows too many, or too few
};
static_assert(Orders::Field::is_always_lock_free && sizeof(Orders) == 64);

enum Calls : std::uint8_t { writes = 1, syncs = 2, sizes = 4 };

// Of this process; all zero when no test gave any.
Orders& orders();

// Whether the calling thread wrote to the watched directory since allocations began to fail.
bool thread_writes();

}  // namespace cordon::faults
