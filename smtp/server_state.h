// The inside of ServerAutomaton: what a session knows, and one function a step. Not for others.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/chunk_reader.h"
#include "smtp/command.h"
#include "smtp/data_reader.h"
#include "smtp/line_reader.h"
#include "smtp/parameters.h"
#include "smtp/sasl_server.h"
#include "smtp/server_automaton.h"
#include "smtp/server_replies.h"

namespace cordon::smtp {

struct ServerAutomaton::State {
  explicit State(std::shared_ptr<const ServerOptions> given) : options(std::move(given)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State();

  // Where the session stands. The _check phases await accept() or refuse().
  enum class Phase : std::uint8_t {
    greeting,
    command,
    sender_check,
    recipient_check,
    open_check,
    content,  // of DATA
    chunk,    // of BDAT
    end_check,
    tls_handshake,
    auth_response,
    credentials_check,
    client_check,
    closed,
  };

  // What few sessions have, so that the others stay small.
  struct Chunks {  // of the body that comes by BDAT, until DATA is given
    ChunkReader reader;
    Reply verdict;  // to the chunk that is passed over; code 0: none is
  };
  struct Exchange {  // of AUTH, while it lasts
    SaslServer sasl;
    std::optional<Reply> verdict;  // refused: said once the client has answered the last challenge
  };
  struct Identity {
    std::string user;      // who authenticated
    ClientFacts told;      // by XCLIENT
    ClientFacts proposed;  // by the one at hand
  };

  // The loop (server_automaton.cpp).
  Action next();
  void begin_step();
  Action idle();
  Action flush();
  std::optional<Line> take_line();
  bool spoke_foreign(std::string_view front);

  // The carrier's answers (server_answers.cpp).
  void accept(std::string_view text);
  void refuse(Reply reply);
  void refuse_credentials(const Reply& reply);

  // Commands (server_commands.cpp).
  void obey(Line line);
  void refuse_line(LineFault fault, const ParsedCommand& command);
  void perform(const CommandRule& rule, std::string_view argument);
  void greet();
  void hello(std::string_view name, bool with_extensions);
  void mail(std::string_view argument);
  void rcpt(std::string_view argument);
  void data();
  void help();
  void refuse_address(AddressError why, EnhancedStatus status);
  std::string extensions() const;
  bool offers_utf8() const;
  OfferedParameters offered_parameters() const;
  bool serves(Verb verb) const;

  // Who the client is (server_trust.cpp).
  void starttls();
  void tls_started();
  void auth(std::string_view argument);
  void go_on(SaslStep step);
  void hear_response(const Line& line);
  void end_exchange();
  void xclient(std::string_view argument);
  void client_told();
  void forget_greeting();
  Identity& who();
  bool offers_auth() const;

  // Content (server_content.cpp).
  bool give(const DataStep& step, Action& action);
  bool read_content(Action& action);
  void finish_content();
  void bdat(std::string_view argument);
  const FixedReply* chunk_refusal() const;
  void pass_over_chunk(Reply reply);
  bool read_chunk(Action& action);
  void finish_chunk();
  void refuse_content(DataFault fault);
  void record_content();
  std::uint64_t body_octets() const { return chunks ? chunks->reader.octets() : content.octets(); }

  // Ends (server_ends.cpp).
  void abandon_transaction();
  void forget_envelope();
  void end_session(std::string_view reason);
  void leave(const LastWords& last);
  void time_out();
  void connection_lost();

  // Replies and the record (server_ends.cpp).
  void say(int code, EnhancedStatus status, std::string_view text);
  void say(const FixedReply& reply) { say(reply.code, reply.status, reply.text); }
  // To a command that was refused here: counts, and becomes a 421 above max_errors.
  void say_error(int code, EnhancedStatus status, std::string_view text);
  void say_error(const FixedReply& reply) { say_error(reply.code, reply.status, reply.text); }
  void say_farewell(int code, EnhancedStatus status, std::string_view text);
  void say_challenge(std::string_view base64);
  void watch_for_secrets(std::string_view front);
  void record_command(const Line& line, const ParsedCommand& command);
  void record_replies(std::string_view wire);

  std::shared_ptr<const ServerOptions> options;
  Recorder recorder;
  std::string_view end_reason;  // static text

  Phase phase = Phase::greeting;
  bool shutting_down = false;
  bool extended = false;
  bool tls = false;
  bool authenticated = false;
  bool xclient_allowed = false;
  bool client_was_told = false;  // by XCLIENT, which the next greeting bars then
  bool in_transaction = false;
  bool rcpt_seen = false;       // in this transaction, whatever became of it
  bool body_open = false;       // the carrier holds a body that was neither ended nor dropped
  bool drop_due = false;        // drop_body is to be told
  bool over_due = false;        // transaction_over is to be told
  bool envelope_stale = false;  // shown for the last time; forgotten by the next step
  bool chunks_refused = false;  // those already on their way behind a refused one are passed over
  bool secret_input = false;    // the last input() had a line of AUTH in it
  bool stray_secret = false;    // an AUTH was refused: what follows may be meant as its response
  std::uint32_t commands = 0;
  std::uint32_t idle_commands = 0;
  std::uint32_t errors = 0;
  std::uint32_t auth_failures = 0;
  std::uint32_t transactions = 0;

  std::string_view rest;  // input not yet consumed
  std::string kept;       // holds `rest` after retain()
  LineReader lines{max_command_line};
  DataReader content;
  std::unique_ptr<Chunks> chunks;
  std::string out;   // replies not yet given to the carrier
  std::string sent;  // replies that the carrier is writing

  std::string helo_name;
  Envelope envelope;
  Recipient proposed;
  std::unique_ptr<Exchange> exchange;
  std::unique_ptr<Identity> identity;
};

}  // namespace cordon::smtp
