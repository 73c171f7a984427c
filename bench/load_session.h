// One client session over a socket, edge-triggered (bench/poller.h). It is given a message, opens
// its connection if it has none, sends the message, and says when it wants the next one.
// It holds no buffer: command lines, content and replies are all shared or the caller's.
#pragma once

#include <optional>
#include <span>

#include <sys/socket.h>

#include "bench/load_plan.h"
#include "bench/load_replies.h"
#include "bench/load_tally.h"
#include "bench/poller.h"

namespace cordon::bench {

enum class Turn : std::uint8_t {
  wait,         // for the server
  free,         // connected, and without a message
  closed,       // after QUIT, as it should be
  turned_away,  // the server refused and will not go on; the connection is closed, the message
                // counted
  lost,         // without a word, or after words that are no SMTP; the connection is closed, a
                // message begun is counted
};

class Session {
 public:
  // All four must outlive the session. `index` chooses the source address.
  Session(const Plan& plan, Tally& tally, Poller& poller, std::uint32_t index);

  // Gives it a message to send. Only if it has none, and after free or without a connection.
  Turn send(std::uint64_t number);
  // Opens a connection without a message; free follows.
  Turn open();
  // Only after free; closed follows.
  Turn quit();
  // What the poller said. `scratch` is for reading.
  Turn ready(std::uint32_t events, std::span<char> scratch);
  // Counts as lost if it has waited for the server since before `limit`.
  Turn check_patience(Clock::time_point limit);

  bool connected() const { return static_cast<bool>(socket_); }
  bool set_up() const { return connected() && state_ > State::ehlo; }
  bool has_message() const { return message_.has_value(); }
  std::uint32_t begun_here() const { return begun_; }  // messages on this connection

 private:
  // In the order of a session: what it waits for.
  enum class State : std::uint8_t {
    greeting,
    ehlo,
    free,
    mail,
    rcpt,
    data,
    content,
    dot,
    reset,
    quit
  };

  Turn begin_message();
  Turn replied(int code);
  Turn envelope_replied(int code);
  Turn data_replied(int code);
  Turn dot_replied(int code);
  Turn answered_ehlo(int code);
  Turn refuse(int code);
  Turn reset();
  Turn write_content();
  Turn hang_up(Turn how);
  Turn lose();
  Turn read_all(std::uint32_t events, std::span<char> scratch);
  Turn command(std::string_view line, State next);
  void finish(Phase phase);

  const Plan& plan_;
  Tally& tally_;
  Poller& poller_;
  Descriptor socket_;
  std::uint32_t index_;
  std::uint32_t begun_ = 0;
  State state_ = State::greeting;
  bool refused_ = false;  // pipelining: an earlier command of the batch was refused
  ReplyCodes replies_;
  std::optional<std::uint64_t> message_;
  std::size_t written_ = 0;  // octets of the content
  Clock::time_point since_;  // when the phase at hand began
};

}  // namespace cordon::bench
