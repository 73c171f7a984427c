// What holding costs in memory, and what a cordon costs in time, by the number of held messages:
//   cordoner_bench
// Half of the messages are of the origin that is cordoned, the rest of a thousand others.
#include <array>
#include <chrono>
#include <cstdio>

#include <malloc.h>

#include "cordon/cordoner.h"

namespace {

using namespace cordon;
using Clock = std::chrono::steady_clock;

double microseconds(Clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

// Octets that the program has allocated and not given back.
std::size_t in_use() {
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

void measure(std::size_t held) {
  const std::size_t before = in_use();
  Cordoner cordoner({.max_held = held + 1, .max_held_per_origin = held + 1});
  const store::OriginId intruder{2};
  const store::Uptime start{};
  const auto begin = Clock::now();
  for (std::size_t i = 0; i < held; ++i) {
    const auto origin =
        i % 2 == 0 ? intruder : store::OriginId{static_cast<std::int64_t>(3 + i % 1000)};
    const auto admission = cordoner.admit(origin);
    cordoner.add({.id = store::MessageId{static_cast<std::int64_t>(i + 1)},
                  .origin = origin,
                  .due = start + std::chrono::hours(1) + std::chrono::milliseconds(i),
                  .clearance = admission.clearance},
                 start);
  }
  const auto filled = Clock::now();
  const double each = static_cast<double>(in_use() - before) / static_cast<double>(held);
  std::array<double, 101> raised{};
  for (double& time : raised) {
    const auto from = Clock::now();
    const auto epochs = cordoner.raise(intruder);
    time = microseconds(Clock::now() - from);
    cordoner.withdraw(intruder, epochs.epoch, epochs.previous_epoch);
  }
  std::sort(raised.begin(), raised.end());
  std::printf(
      "%9zu held: %4.0f octets and %.2f us to add each; a cordon: median %.2f us, worst %.2f us\n",
      held, each, microseconds(filled - begin) / static_cast<double>(held),
      raised[raised.size() / 2], raised.back());
}

}  // namespace

int main() {
  for (const std::size_t held : {1'000U, 100'000U, 1'000'000U}) measure(held);
  return 0;
}
