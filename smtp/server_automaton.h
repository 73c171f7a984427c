// The server's side of an SMTP session as an automaton without I/O (RFC 5321; BESIDES 4.2: "an SMTP
// automaton derived from the SMTP protocol"). Bytes go in, actions come out; the carrier (a session
// over a socket, a test, a fuzzer) does what an action says and asks for the next.
//
//   automaton.input(bytes);
//   for (;;) {
//     Action a = automaton.next();
//     ...do a; for the check_, open_ and end_ actions answer with accept() or refuse(reply)...
//     if (a.kind == ActionKind::need_input) break;   // read more, then input() again
//   }
//
// Memory is bounded by Limits whatever the client sends. One automaton belongs to one session; it
// is not thread-safe. It knows no clock: time-outs are the carrier's, who then calls time_out().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "smtp/envelope.h"
#include "smtp/reply.h"

namespace cordon::smtp {

// What the session offers and bears. Shared by all sessions of a listener; must outlive them.
struct ServerOptions {
  std::string hostname = "localhost";                      // greeting and EHLO name
  std::string greeting_text = "ESMTP";                     // after the host name in the 220
  std::uint64_t max_message_octets = 50ull * 1024 * 1024;  // SIZE; 0 = no limit (RFC 1870)
  std::uint32_t max_recipients = 1000;    // a transaction; >= 100 (RFC 5321 4.5.3.1.8)
  std::uint32_t max_errors = 20;          // refused commands a session, then 421 and close
  std::uint32_t max_commands = 100000;    // commands a session, then 421 and close
  std::uint32_t max_idle_commands = 100;  // NOOP, VRFY, HELP, RSET in a row without mail, then 421
  std::uint32_t max_messages = 0;         // transactions a session; 0 = no limit
  bool eight_bit_mime = true;             // offer 8BITMIME: only if the upstream has it
  bool smtputf8 = false;                  // offer SMTPUTF8: likewise
};

inline constexpr std::size_t max_command_line = 2048;  // octets with CRLF; RFC 5321 4.5.3.1.4 wants
                                                       // 512, DSN and SMTPUTF8 parameters more

enum class ActionKind : std::uint8_t {
  need_input,        // nothing left to do: write out what is pending, then feed more
  write,             // send `bytes`; they stay valid until the next call of next()
  check_sender,      // envelope().sender is proposed: accept() or refuse()
  check_recipient,   // proposed_recipient() is proposed: accept() or refuse()
  open_body,         // DATA was given: accept() (354 follows) or refuse()
  body,              // `bytes` of the content, dot-stuffing already undone, CRLF line ends kept
  end_body,          // the final dot has come: accept(reply text) or refuse(); then the transaction
                     // is over, whichever it is
  drop_body,         // the body that was opened cannot become a message (too big, bare CR or LF,
                     // cut off): forget it; no answer is awaited, the reply is already decided
  transaction_over,  // MAIL was accepted, but no message came of it: RSET, EHLO, QUIT, close.
                     // envelope() still shows what was given
  close,             // close the connection; what was written before is to be sent first
};

struct Action {
  ActionKind kind = ActionKind::need_input;
  std::string_view bytes;  // for write and body
};

// Who spoke, for a recorder.
enum class Speaker : std::uint8_t { client, server };

class ServerAutomaton {
 public:
  // `options` is shared with the caller and never changed here.
  explicit ServerAutomaton(std::shared_ptr<const ServerOptions> options);
  ~ServerAutomaton();
  ServerAutomaton(const ServerAutomaton&) = delete;
  ServerAutomaton& operator=(const ServerAutomaton&) = delete;

  // Gives the next bytes from the client. Allowed only after next() returned need_input (or as the
  // first call: the greeting is the first action with or without input). `bytes` must stay valid
  // until next() returns need_input again, or retain() is called.
  void input(std::string_view bytes);
  // Copies what is not yet consumed of the last input(), for a carrier that must give its buffer
  // away while it waits for an answer. Bounded by what was given.
  void retain();

  Action next();

  // The answer to check_sender, check_recipient, open_body and end_body. `text` replaces the usual
  // words of the 250 (end_body: "queued as 17"); empty means the usual ones.
  void accept(std::string_view text = {});
  // Refuses with `reply` (4xx or 5xx). A 421 closes the session after it.
  void refuse(Reply reply);

  // The carrier's events. Each makes next() lead to close: 421 4.4.2 for a time-out, 421 4.3.2 for
  // a shutdown (at a command boundary only: inside DATA the message is finished first, and an
  // unfinished one is dropped when the connection ends).
  void time_out();
  void shut_down();
  void connection_lost();  // no reply is written; an open transaction ends with transaction_over

  // What the session has said so far. Valid until the next call of next().
  const Envelope& envelope() const;
  const Recipient& proposed_recipient() const;
  std::string_view helo_name() const;  // as the client gave it; empty before HELO/EHLO
  bool extended() const;               // EHLO rather than HELO
  bool in_transaction() const;         // MAIL accepted, not ended yet
  std::uint64_t body_octets() const;   // of the body at hand, after unstuffing

  // Sees every command line and every reply line, without line ends, in order; content of messages
  // is not shown but as one line "[n octets of content]". For the record of a cordoned session.
  using Recorder = std::function<void(Speaker, std::string_view line)>;
  void set_recorder(Recorder recorder);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cordon::smtp
