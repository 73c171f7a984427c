// The inside of ClientDialogue: what one connection knows, and one function a step. Not for others.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "smtp/client_dialogue.h"
#include "smtp/dot_stuffer.h"
#include "smtp/reply_reader.h"
#include "smtp/sasl_client.h"

namespace cordon::smtp {

struct ClientDialogue::State {
  explicit State(ClientOptions given)
      : options(std::move(given)), reader(options.max_reply_octets) {}

  enum class Phase : std::uint8_t {
    unconnected,
    awaiting,
    start_tls,
    ready,
    need_body,
    gate,
    decided,
    closed,
  };
  // What each reply to come is an answer to, in the order of the commands.
  enum class Expected : std::uint8_t {
    greeting,
    ehlo,
    helo,
    starttls,
    auth,
    xclient,
    rset,
    mail,
    rcpt,
    probe_end,
    data,
    dot,
    lone_dot,
    quit,
  };
  enum class MailState : std::uint8_t { unsent, sent, accepted, refused };
  enum class Purpose : std::uint8_t { delivery, probe };

  // A transaction that waits for the answer to XCLIENT: what is offered may change with it.
  struct Announced {
    ClientFacts client;
    Envelope envelope;
    std::vector<std::size_t> indices;
    std::uint64_t octets = 0;
  };

  Step next();

  // Before the first message, and again after XCLIENT: one step after the other.
  void greet();
  std::string helo_name() const;
  void settle_session();
  void authenticate();
  void send_secret(std::string line);
  void session_settled();
  void tls_started();

  // Sending.
  void send(std::string_view line, Expected expected);
  void start_transaction(const Envelope& envelope, const std::vector<std::size_t>& which,
                         std::uint64_t octets, const ClientFacts* client);
  void announce_client();
  bool tell_client(
      const ClientFacts& client);  // false: the server asks for nothing of what is known
  void begin_transaction(const Envelope& envelope, const std::vector<std::size_t>& indices,
                         std::uint64_t octets);
  void send_group();
  bool send_next_command();
  void send_final_dot();

  // Replies.
  static bool settles_session(Expected what);  // a step before the first message, or of XCLIENT
  void handle(const Reply& reply);
  void act_on(Expected what, const Reply& reply);
  void handle_greeting(const Reply& reply);
  void handle_ehlo(const Reply& reply);
  void handle_helo(const Reply& reply);
  void handle_starttls(const Reply& reply);
  void handle_auth(const Reply& reply);
  void handle_xclient(const Reply& reply);
  void handle_mail(const Reply& reply);
  void handle_rcpt(const Reply& reply);
  void handle_data(const Reply& reply);
  void handle_dot(const Reply& reply);
  void handle_probe_end(const Reply& reply);
  std::optional<Reply> drop_unasked();
  void take_unasked();

  // Ends.
  void decide(std::size_t index, Outcome outcome, const Reply& reply);
  void decide_rest(const Reply& reply);  // by the class of `reply`
  void defer_rest(const Reply& reply);   // whatever its class
  void message_decided();
  void break_off(const Reply& why);
  void give_session_up(const Reply& why);
  void break_protocol();
  void leave(const Reply& why);
  bool message_under_way() const;

  ClientOptions options;
  UpstreamOffer offer;
  Phase phase = Phase::unconnected;
  bool close_after = false;  // no further message on this connection
  bool rset_due = false;     // the last transaction was not completed
  bool dot_queued = false;
  bool dot_sent = false;
  bool dot_answered = false;
  Reply last_words;

  bool secured = false;           // TLS is on
  bool starttls_refused = false;  // offered, then refused: not asked for again
  bool authenticated = false;
  bool was_authenticated = false;  // before XCLIENT
  Reply auth_failure;
  bool session_refused = false;     // it is not enough for mail
  std::optional<SaslClient> sasl;   // while AUTH is under way
  std::optional<ClientFacts> told;  // by XCLIENT, the last time, or being told
  std::optional<Announced> announced;

  std::string out;      // to be given to the carrier
  std::string written;  // being written by the carrier
  bool secret_in_out = false;
  bool secret_in_written = false;
  ReplyReader reader;
  std::vector<Expected> expected;
  std::size_t answered = 0;   // of `expected`
  std::uint64_t replies = 0;  // of the whole connection

  // The transaction at hand.
  Purpose purpose = Purpose::delivery;
  DotStuffer stuffer;
  std::string mail_line;
  std::vector<std::string> rcpt_lines;
  std::vector<RecipientResult> results;
  std::vector<bool> decided;
  MailState mail = MailState::unsent;
  bool last_sent = false;  // DATA, or the RSET of a probe
  std::size_t rcpts_sent = 0;
  std::size_t rcpts_answered = 0;
  std::size_t accepted = 0;
};

}  // namespace cordon::smtp
