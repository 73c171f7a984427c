#include "simulated_kernel.h"

#include <atomic>

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <sys/timerfd.h>

namespace cordon::simulated {

using boost::asio::ip::tcp;
using std::chrono::steady_clock;

namespace {
std::atomic<steady_clock::rep> now_ticks{1'000'000'000'000};
std::atomic<bool> may_ring{false};
}  // namespace

void pass_time(std::chrono::milliseconds time) {
  now_ticks += std::chrono::duration_cast<steady_clock::duration>(time).count();
}

void let_timers_ring() { may_ring = true; }

LoopbackFence::LoopbackFence() : near_(context_), far_(context_) {
  tcp::acceptor acceptor(context_, {boost::asio::ip::make_address("127.0.0.1"), 0});
  near_.connect(acceptor.local_endpoint());
  acceptor.accept(far_);
  near_.set_option(tcp::no_delay(true));
}

// The kernel hands loopback's packets on in their order.
void LoopbackFence::wait(int fences) {
  for (int i = 0; i < fences; ++i) {
    char octet = 0;
    boost::asio::write(near_, boost::asio::buffer(&octet, 1));
    boost::asio::read(far_, boost::asio::buffer(&octet, 1));
  }
}

// By the names that ld(1) gives to wrapped symbols and to what stands in for them.

steady_clock::time_point simulated_now() noexcept
    asm("__wrap__ZNSt6chrono3_V212steady_clock3nowEv");
steady_clock::time_point simulated_now() noexcept {
  return steady_clock::time_point(steady_clock::duration(now_ticks.load()));
}

int real_settime(int timer, int flags, const itimerspec* fresh,
                 itimerspec* old) asm("__real_timerfd_settime");
int simulated_settime(int timer, int flags, const itimerspec* fresh,
                      itimerspec* old) asm("__wrap_timerfd_settime");
int simulated_settime(int timer, int flags, const itimerspec* fresh, itimerspec* old) {
  static std::atomic<bool> set{false};  // of the one context that has timers
  if (may_ring.exchange(false)) {
    set = true;
    return real_settime(timer, flags, fresh, old);
  }
  const itimerspec never{};
  return set.exchange(false) ? real_settime(timer, 0, &never, old) : 0;
}

}  // namespace cordon::simulated
