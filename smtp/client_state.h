// The inside of ClientDialogue: what one connection knows, and one function a step. Not for others.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "smtp/client_dialogue.h"
#include "smtp/dot_stuffer.h"
#include "smtp/reply_reader.h"

namespace cordon::smtp {

struct ClientDialogue::State {
  explicit State(ClientOptions given)
      : options(std::move(given)), reader(options.max_reply_octets) {}

  enum class Phase : std::uint8_t {
    unconnected,
    awaiting,
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
    rset,
    mail,
    rcpt,
    data,
    dot,
    lone_dot,
    quit,
  };
  enum class MailState : std::uint8_t { unsent, sent, accepted, refused };

  Step next();

  // Sending.
  void send(std::string_view line, Expected expected);
  void start_transaction(const Envelope& envelope, const std::vector<std::size_t>& which,
                         std::uint64_t octets);
  void send_group();
  bool send_next_command();
  void send_final_dot();

  // Replies.
  void handle(const Reply& reply);
  void act_on(Expected what, const Reply& reply);
  void handle_greeting(const Reply& reply);
  void handle_ehlo(const Reply& reply);
  void handle_helo(const Reply& reply);
  void handle_mail(const Reply& reply);
  void handle_rcpt(const Reply& reply);
  void handle_data(const Reply& reply);
  void handle_dot(const Reply& reply);
  std::optional<Reply> drop_unasked();
  void take_unasked();

  // Ends.
  void decide(std::size_t index, Outcome outcome, const Reply& reply);
  void decide_rest(const Reply& reply);  // by the class of `reply`
  void message_decided();
  void break_off(const Reply& why);
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
  Reply last_words;

  std::string out;      // to be given to the carrier
  std::string written;  // being written by the carrier
  ReplyReader reader;
  std::vector<Expected> expected;
  std::size_t answered = 0;  // of `expected`

  // The transaction at hand.
  DotStuffer stuffer;
  std::string mail_line;
  std::vector<std::string> rcpt_lines;
  std::vector<RecipientResult> results;
  std::vector<bool> decided;
  MailState mail = MailState::unsent;
  bool data_sent = false;
  std::size_t rcpts_sent = 0;
  std::size_t rcpts_answered = 0;
  std::size_t accepted = 0;
};

}  // namespace cordon::smtp
