// What the simulation takes from the kernel's hand, so that each run goes the same way: the linker
// puts these in place of the real ones (--wrap, tests/proxy/CMakeLists.txt), for this program
// alone.
//
// - std::chrono::steady_clock::now() stands still until pass_time() moves it. An hour of the
//   gateway's timers takes no time. The system clock stays real.
// - timerfd_settime(2), by which Asio waits for its timers: they ring when let_timers_ring() was
//   called, and never by themselves.
#pragma once

#include <chrono>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace cordon::simulated {

// Any thread.
void pass_time(std::chrono::milliseconds time);

// The next timer that is set to ring at once does so, and with it all that are due. One thread.
void let_timers_ring();

// Returns when what was sent over loopback before, by the same thread, has come to its sockets. A
// packet may bring forth another, which is behind the fence: so many more fences are needed.
class LoopbackFence {
 public:
  LoopbackFence();
  void wait(int fences);

 private:
  boost::asio::io_context context_;
  boost::asio::ip::tcp::socket near_;
  boost::asio::ip::tcp::socket far_;
};

}  // namespace cordon::simulated
