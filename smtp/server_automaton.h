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
// Its extensions: PIPELINING (RFC 2920), SIZE (1870), 8BITMIME (6152), SMTPUTF8 (6531),
// ENHANCEDSTATUSCODES (2034), DSN (3461), CHUNKING (3030, without BINARYMIME), STARTTLS (3207),
// AUTH (4954), XCLIENT (Postfix). Octets of another protocol where a command should begin (HTTP,
// TLS, SSH) end the session at once.
//
// Memory is bounded by Limits whatever the client sends. One automaton belongs to one session; it
// is not thread-safe. It knows no clock: time-outs are the carrier's, who then calls time_out(), or
// connection_lost() while a TLS handshake is under way.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "smtp/client_facts.h"
#include "smtp/credentials.h"
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
  bool dsn = true;                        // offer DSN; without it RET, NOTIFY... are unknown
  bool chunking = true;                   // offer CHUNKING
  bool starttls = false;                  // offer STARTTLS, as long as the session is plain
  bool require_tls = false;               // 530 to all but EHLO, NOOP, QUIT, STARTTLS while plain
  Mechanisms mechanisms = 0;              // offer AUTH with these; none: no AUTH
  bool auth_in_plain = false;             // offer AUTH without TLS too
  bool require_auth = false;              // 530 to MAIL before AUTH
  std::uint32_t max_auth_failures = 3;    // then the next AUTH is answered with 421; 0 = no limit
};

inline constexpr std::size_t max_command_line = 2048;  // octets with CRLF; RFC 5321 4.5.3.1.4 wants
                                                       // 512, DSN and SMTPUTF8 parameters more
inline constexpr std::size_t max_auth_line = 12288;    // of AUTH and its responses (RFC 4954 4)

enum class ActionKind : std::uint8_t {
  need_input,         // nothing left to do: write out what is pending, then feed more
  write,              // send `bytes`; they stay valid until the next call of next()
  check_sender,       // envelope().sender is proposed: accept() or refuse()
  check_recipient,    // proposed_recipient() is proposed: accept() or refuse()
  open_body,          // DATA (354 follows) or the first BDAT was given: accept() or refuse()
  body,               // `bytes` of the content, dot-stuffing already undone, CRLF line ends kept.
                      // Content of BDAT is as it was sent: its last line may lack the CRLF
  end_body,           // the final dot or the last chunk has come: accept(reply text) or refuse();
                      // then the transaction is over, whichever it is
  drop_body,          // the body that was opened cannot become a message (too big, bare CR or LF,
                      // cut off): forget it; no answer is awaited, the reply is already decided
  transaction_over,   // MAIL was accepted, but no message came of it: RSET, EHLO, QUIT, close, a
                      // chunk that was refused. envelope() still shows what was given
  start_tls,          // the 220 was given by a write before: send it, do the handshake, then call
                      // tls_started(), or connection_lost() if it failed or timed out
  check_credentials,  // credentials() are proposed: accept(text) (235) or refuse() (535 5.7.8 if
                      // they are wrong, 454 4.7.0 if that cannot be told now)
  check_client,       // client_facts() are told by XCLIENT: accept() (220, and the session begins
                      // anew) or refuse()
  close,              // close the connection; what was written before is to be sent first
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

  // Before the first next(): this peer may say who its client is (XCLIENT).
  void allow_xclient();
  // After start_tls: the handshake is done, and what the client said before is forgotten (RFC 3207
  // 4.2). Before the first next(): the connection has TLS from its beginning. What XCLIENT told
  // stays, as what a PROXY header told would: it is the relay's word about the connection.
  void tls_started();

  // The answer to the check_, open_ and end_ actions. `text` replaces the usual words of the 250 or
  // 235 (end_body: "queued as 17"); empty means the usual ones.
  void accept(std::string_view text = {});
  // Refuses with `reply` (4xx or 5xx). A 421 closes the session after it; our name goes in front of
  // its text.
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
  bool in_content() const;             // what comes next is content, and not a command
  std::uint64_t body_octets() const;   // of the body at hand, after unstuffing
  bool tls() const;
  const Credentials& credentials() const;     // at check_credentials, until answered; then wiped
  bool authenticated() const;                 // by AUTH, or by XCLIENT's LOGIN
  std::string_view authenticated_as() const;  // may be empty: a bearer token need tell no name
  const ClientFacts& client_facts() const;    // of all XCLIENT commands so far; at check_client
                                              // with those proposed
  std::uint32_t errors() const;               // commands that were refused
  // Why the session ended, in words for a log: "quit", "time-out", "spoke HTTP"; empty before.
  std::string_view end_reason() const;
  // The octets given by the last input() had a secret among them: who owns the buffer wipes it once
  // next() has returned need_input or close. Copies in here are wiped.
  bool input_was_secret() const;

  // Sees every command line and every reply line, without line ends, in order; content of messages
  // is not shown but as one line "[n octets of content]", and what AUTH carries as "[credentials]".
  // For the record of a cordoned session.
  using Recorder = std::function<void(Speaker, std::string_view line)>;
  void set_recorder(Recorder recorder);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cordon::smtp
