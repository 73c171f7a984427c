// One session of the sink: carries out the actions of smtp::ServerAutomaton over a socket that is
// watched edge-triggered. One write answers what one read brought; buffers are the thread's, and a
// session has one of its own only while its client does not read.
#pragma once

#include <chrono>
#include <span>
#include <string>

#include "bench/descriptor.h"
#include "bench/sink_mailbag.h"
#include "smtp/server_automaton.h"

namespace cordon::bench {

// What the sessions of a thread share.
struct SinkBuffers {
  std::span<char> in;
  std::string out;
};

class SinkSession {
 public:
  SinkSession(Descriptor socket, Mailbag& bag, std::shared_ptr<const smtp::ServerOptions> options);

  enum class State : std::uint8_t {
    open,
    slow,  // from now on: the final reply is due in slow_reply, call resume() then
    over,  // to be destroyed
  };
  static constexpr std::chrono::seconds slow_reply{1};

  // Reads, obeys and writes until the socket would block, as far as `events` of the poller tell.
  // The first call greets. Does nothing while it waits for resume().
  State ready(std::uint32_t events, SinkBuffers& buffers);
  // Ends the wait of State::slow.
  State resume(SinkBuffers& buffers);

  int descriptor() const { return socket_.number(); }

 private:
  void drive(SinkBuffers& buffers);
  void obey(const smtp::Action& action, SinkBuffers& buffers);
  void check_recipient();
  void end_body();
  void forget_body();
  bool flush(std::string& out);

  Descriptor socket_;
  Mailbag& bag_;
  smtp::ServerAutomaton automaton_;
  std::string unsent_;  // what the client would not take yet
  std::string body_;    // only if the bag wants it
  bool greeted_ = false;
  bool answer_late_ = false;  // the message at hand has a slow recipient
  bool sleeping_ = false;
  bool closing_ = false;  // when all is sent
};

}  // namespace cordon::bench
