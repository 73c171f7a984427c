// The inside of ServerAutomaton: what a session knows, and one function a step. Not for others.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "smtp/command.h"
#include "smtp/data_reader.h"
#include "smtp/line_reader.h"
#include "smtp/server_automaton.h"
#include "smtp/server_replies.h"

namespace cordon::smtp {

struct ServerAutomaton::State {
  explicit State(std::shared_ptr<const ServerOptions> given) : options(std::move(given)) {}

  // Where the session stands. The _check phases await accept() or refuse().
  enum class Phase : std::uint8_t {
    greeting,
    command,
    sender_check,
    recipient_check,
    open_check,
    content,
    end_check,
    closed,
  };

  Action next();
  void accept(std::string_view text);
  void refuse(const Reply& reply);
  void time_out();
  void connection_lost();

  // Input and its end.
  void begin_step();
  Action idle();
  Action flush();

  // Commands.
  void obey(const Line& line);
  void perform(const CommandRule& rule, std::string_view argument);
  void greet();
  void hello(std::string_view name, bool with_extensions);
  void mail(std::string_view argument);
  void rcpt(std::string_view argument);
  void data();
  void help();
  void refuse_address(AddressError why, EnhancedStatus status);
  bool offers_utf8() const;

  // Content.
  bool read_content(Action& action);
  void finish_content();
  void record_content();

  // Ends.
  void abandon_transaction();
  void forget_envelope();
  void end_session();
  void leave(const FixedReply& last_words);

  // Replies.
  void say(int code, EnhancedStatus status, std::string_view text);
  void say(const FixedReply& reply) { say(reply.code, reply.status, reply.text); }
  // To a command that was refused here: counts, and becomes a 421 above max_errors.
  void say_error(int code, EnhancedStatus status, std::string_view text);
  void say_error(const FixedReply& reply) { say_error(reply.code, reply.status, reply.text); }
  void record_replies(std::string_view wire);

  std::shared_ptr<const ServerOptions> options;
  Recorder recorder;

  Phase phase = Phase::greeting;
  bool shutting_down = false;
  bool extended = false;
  bool in_transaction = false;
  bool rcpt_seen = false;       // in this transaction, whatever became of it
  bool body_open = false;       // the carrier holds a body that was neither ended nor dropped
  bool drop_due = false;        // drop_body is to be told
  bool over_due = false;        // transaction_over is to be told
  bool envelope_stale = false;  // shown for the last time; forgotten by the next step
  std::uint32_t commands = 0;
  std::uint32_t idle_commands = 0;
  std::uint32_t errors = 0;
  std::uint32_t transactions = 0;

  std::string_view rest;  // input not yet consumed
  std::string kept;       // holds `rest` after retain()
  LineReader lines{max_command_line};
  DataReader content;
  std::string out;   // replies not yet given to the carrier
  std::string sent;  // replies that the carrier is writing

  std::string helo_name;
  Envelope envelope;
  Recipient proposed;
};

}  // namespace cordon::smtp
