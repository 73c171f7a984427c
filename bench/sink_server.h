// One thread of the sink: a listener of its own, its sessions, and their slow replies. Errors of
// start-up are thrown as std::system_error.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <unordered_map>

#include "bench/poller.h"
#include "bench/sink_session.h"

namespace cordon::bench {

// Listens on `address`:`port` (port 0: any). Several may share a port if all say so: the kernel
// deals connections out among them (SO_REUSEPORT, socket(7)).
Descriptor listen_on(const std::string& address, std::uint16_t port, bool shared);
std::uint16_t port_of(const Descriptor& listener);  // the one that was chosen

class SinkServer {
 public:
  // `stop` becomes readable when it is to end; neither it nor `bag` is owned.
  SinkServer(Descriptor listener, int stop, Mailbag& bag,
             std::shared_ptr<const smtp::ServerOptions> options);

  void run();

 private:
  using Clock = std::chrono::steady_clock;
  struct SlowReply {
    Clock::time_point due;
    std::weak_ptr<SinkSession> session;
  };

  void accept_all();
  void settle(SinkSession& session, SinkSession::State state);
  void answer_slow_ones();

  Descriptor listener_;
  Mailbag& bag_;
  std::shared_ptr<const smtp::ServerOptions> options_;
  Poller poller_;
  std::unordered_map<int, std::shared_ptr<SinkSession>> sessions_;  // by descriptor
  std::deque<SlowReply> slow_;                                      // in the order of their time
  bool stopped_ = false;
  bool starved_ = false;  // of descriptors: connections wait until a session ends
  std::array<char, 65536> in_{};
  SinkBuffers buffers_{in_, {}};
};

}  // namespace cordon::bench
