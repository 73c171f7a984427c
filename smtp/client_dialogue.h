// The client's side of SMTP towards an upstream, as an automaton without I/O. One dialogue is one
// connection: greeting, EHLO (HELO where EHLO is refused), then any number of messages, then QUIT.
//
//   dialogue.connected();            // TCP is up
//   loop: Action a = dialogue.next(); ...; replies go in by input(bytes)
//   ready:      give deliver(envelope) or quit()
//   need_body:  give body(piece, last)            one piece at a time
//   gate:       pass() lets the final dot leave, stop() abandons the connection without it
//   delivered:  results() tells each recipient's fate; the next action is ready, or close
//
// Not thread-safe. It knows no clock; the carrier times the actions and calls fail().
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/envelope.h"
#include "smtp/reply.h"

namespace cordon::smtp {

struct ClientOptions {
  std::string helo_name = "localhost";
  std::size_t max_reply_octets = 64UL * 1024;  // a longer reply is a protocol fault
};

enum class ClientAction : std::uint8_t {
  need_input,
  write,
  ready,
  need_body,
  gate,
  delivered,
  close
};

// What became of one recipient in one attempt.
enum class Outcome : std::uint8_t { delivered, deferred, failed };

struct RecipientResult {
  Outcome outcome = Outcome::deferred;
  Reply reply;  // the upstream's own words, or ours (code 0 never; 4xx for a lost connection)
};

// What the upstream offered in its EHLO reply.
struct UpstreamOffer {
  bool esmtp = false;
  bool pipelining = false;
  bool eight_bit_mime = false;
  bool smtputf8 = false;
  bool dsn = false;
  bool chunking = false;
  bool starttls = false;
  bool enhanced_status = false;
  bool size = false;
  std::uint64_t max_size = 0;  // SIZE's number; 0 = none told
  std::string name;            // the host name of its greeting
};

class ClientDialogue {
 public:
  explicit ClientDialogue(ClientOptions options);
  ~ClientDialogue();
  ClientDialogue(const ClientDialogue&) = delete;
  ClientDialogue& operator=(const ClientDialogue&) = delete;

  void connected();
  void input(std::string_view bytes);  // copies what it needs
  // The connection broke, or an action timed out. Leads to delivered (if a message was under way)
  // and then close. `reply` is told as every undecided recipient's result; it must be a 4xx.
  void fail(Reply reply);

  struct Step {
    ClientAction action = ClientAction::need_input;
    std::string_view bytes;  // for write; valid until the next call of any non-const member
  };
  Step next();

  // Only after `ready`. Starts a transaction for those recipients of `envelope` listed in `which`
  // (indices; all of them if empty). Parameters that the upstream does not offer are left out; a
  // message that needs 8BITMIME or SMTPUTF8 which it lacks, or is larger than its SIZE, fails here
  // with a permanent result and no traffic. `octets` is the size of the content.
  void deliver(const Envelope& envelope, const std::vector<std::size_t>& which,
               std::uint64_t octets);
  // Only after `need_body`: the next piece of content, unstuffed; dots are doubled here. A missing
  // final CRLF is added before the dot. `last` leads to gate.
  void body(std::string_view piece, bool last);
  // Only after `gate`.
  void pass();
  void stop();
  // Only after `ready`.
  void quit();

  // After `delivered`: one result for each entry of `which`, in its order. `dot_sent` says whether
  // the final dot had left (a deferral after it may be a duplicate in waiting: RFC 5321 4.5.3.2.6).
  const std::vector<RecipientResult>& results() const;
  bool dot_sent() const;
  const UpstreamOffer& offer() const;
  // Why close came unasked: the upstream's refusal of the session, its 421, or what fail() was
  // given. Code 0 as long as nothing went wrong.
  const Reply& last_words() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cordon::smtp
