// The client's side of SMTP towards an upstream, as an automaton without I/O. One dialogue is one
// connection: greeting, EHLO (HELO where EHLO is refused), STARTTLS and EHLO again, AUTH, then any
// number of messages and probes, then QUIT.
//
//   dialogue.connected();            // TCP is up; tls_started() before it: TLS from the first
//   octet loop: Action a = dialogue.next(); ...; replies go in by input(bytes) start_tls:  when all
//   is written, do the handshake, then tls_started(), or fail() ready:      give deliver(envelope),
//   probe(envelope) or quit() need_body:  give body(piece, last)            one piece at a time
//   gate:       pass() lets the final dot leave, stop() abandons the connection without it
//   delivered:  results() tells each recipient's fate; the next action is ready, or close
//
// A session that cannot be had (the greeting or EHLO is refused, there is no TLS where it is
// required, the credentials are not taken) is the gateway's trouble and never the message's: the
// dialogue closes, and last_words() tells why. Nor is it one that the upstream broke the protocol.
//
// Content goes by DATA only: BDAT (RFC 3030) would carry nothing more, since BINARYMIME is not
// accepted from anybody, and DATA is what every server has.
//
// Not thread-safe. It knows no clock; the carrier times the actions (RFC 5321 4.5.3.2) and calls
// fail().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/client_facts.h"
#include "smtp/credentials.h"
#include "smtp/envelope.h"
#include "smtp/reply.h"
#include "smtp/xclient.h"

namespace cordon::smtp {

struct ClientOptions {
  std::string helo_name = "localhost";
  std::size_t max_reply_octets = 64UL * 1024;  // a longer reply is a protocol fault
  // STARTTLS (RFC 3207). if_offered: a server that offers it and then refuses is spoken to in
  // plain.
  enum class StartTls : std::uint8_t { never, if_offered, required } starttls = StartTls::never;
  // AUTH (RFC 4954): with these, or there is no session.
  std::optional<Credentials> credentials;
  Mechanisms mechanisms = 0;   // to choose from; 0: all that carry the same kind of secret
  bool auth_in_plain = false;  // AUTH also without TLS
  // Who is behind us, told by XCLIENT before AUTH if the server offers it, so that whom it counts
  // failures of AUTH against is not us. Without a login: AUTH tells that.
  std::optional<ClientFacts> client;
};

enum class ClientAction : std::uint8_t {
  need_input,
  write,
  start_tls,
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
  std::uint64_t max_size = 0;        // SIZE's number; 0 = none told
  Mechanisms mechanisms = 0;         // of AUTH; those that we do not know are left out
  bool xclient = false;              // XCLIENT,
  XclientAttributes attributes = 0;  // with these attributes
  std::string name;                  // the host name of its greeting
  bool operator==(const UpstreamOffer&) const = default;
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

  // Only after `start_tls`, or before connected(). All that the upstream said in plain is forgotten
  // but its name; what it said behind its 220, or says before this, breaks the protocol (RFC 3207
  // 4.2 and its response injection).
  void tls_started();

  struct Step {
    ClientAction action = ClientAction::need_input;
    std::string_view bytes;  // for write; valid until the next call of any non-const member
    bool secret = false;  // `bytes` hold one: they are wiped here, a copy is the carrier's to wipe
  };
  Step next();

  // Only after `ready`. Starts a transaction for those recipients of `envelope` listed in `which`
  // (indices; all of them if empty). Parameters that the upstream does not offer are left out; a
  // message that needs 8BITMIME or SMTPUTF8 which it lacks, or is larger than its SIZE, fails here
  // with a permanent result and no traffic. `octets` is the size of the content.
  //
  // `client`: who the upstream shall take for its client from now on, told by XCLIENT if it offers
  // that and was not told the same already; EHLO comes again in that client's name. Without it
  // nobody is told: the carrier does not use a connection that was told of a client for mail of
  // none. A refused XCLIENT defers the message.
  void deliver(const Envelope& envelope, const std::vector<std::size_t>& which,
               std::uint64_t octets, const ClientFacts* client = nullptr);
  // Only after `ready`. Asks what would become of those recipients: MAIL, RCPT, and RSET, never
  // DATA. Leads to `delivered`; who was accepted counts as delivered.
  void probe(const Envelope& envelope, const std::vector<std::size_t>& which,
             const ClientFacts* client = nullptr);
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
  bool dot_answered() const;
  // After `delivered`: MAIL was not answered, but by a 421 or a lost connection. An old connection
  // that the server had given up says so; the message may be tried at once on a fresh one.
  bool unheard() const;
  // After `delivered`: MAIL was refused, by the upstream or for want of an offer. What the results
  // say is then about the sender, or the session, and not about the recipients.
  bool mail_refused() const;
  // The upstream wants TLS, or other credentials, before it takes mail (530, 534, 535, 538 of RFC
  // 4954 6 and RFC 3207 4): whom it refused for that is deferred, and the dialogue closes.
  bool session_refused() const;
  // Why AUTH did not succeed, where that ended the session: the upstream's refusal (its words,
  // unless they repeat the secret), our 454 for want of TLS or of a mechanism, or that the session
  // broke off meanwhile. Code 0: it did, or it never came to that.
  const Reply& auth_failure() const;
  // Once ready: the client of the options was told.
  bool client_told() const;
  // After TLS, and after XCLIENT, that of the EHLO behind it.
  const UpstreamOffer& offer() const;
  // Why close came unasked: the upstream's refusal of the session, its 421, or what fail() was
  // given. Code 0 as long as nothing went wrong.
  const Reply& last_words() const;
  // Of whole replies that it has taken for answers. The carrier's limit is on one of them as a
  // whole: octets that complete none do not renew it.
  std::uint64_t replies() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cordon::smtp
