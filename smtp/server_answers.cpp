// What the server automaton makes of the carrier's answers.
#include "smtp/server_state.h"

namespace cordon::smtp {

void ServerAutomaton::State::accept(std::string_view text) {
  const auto words = [&](const FixedReply& usual) {
    say(usual.code, usual.status, text.empty() ? usual.text : text);
  };
  switch (phase) {
    case Phase::sender_check:
      in_transaction = true;
      rcpt_seen = false;
      ++transactions;
      idle_commands = 0;
      words(replies::sender_ok);
      phase = Phase::command;
      break;
    case Phase::recipient_check:
      envelope.recipients.push_back(std::move(proposed));
      proposed = {};
      words(replies::recipient_ok);
      phase = Phase::command;
      break;
    case Phase::open_check:
      body_open = true;
      if (chunks) {
        phase = Phase::chunk;
        break;
      }
      words(replies::go_ahead);
      content.start(options->max_message_octets);
      phase = Phase::content;
      break;
    case Phase::end_check:
      words(replies::ok);
      in_transaction = false;
      envelope_stale = true;
      phase = Phase::command;
      break;
    case Phase::credentials_check:
      authenticated = true;
      who().user = exchange->sasl.credentials().user;
      end_exchange();
      words(replies::authenticated);
      break;
    case Phase::client_check:
      client_told();
      break;
    default:  // the session ended while the carrier made up its mind
      break;
  }
}

void ServerAutomaton::State::refuse(Reply reply) {
  const bool refuses = reply.transient() || reply.permanent();
  if (!refuses) {  // a refusal must never look like a yes
    const FixedReply& trouble =
        phase == Phase::credentials_check ? replies::auth_trouble : replies::local_error;
    reply = {trouble.code, trouble.status, std::string(trouble.text)};
  }
  const bool closes = reply.code == 421;
  bool counts = false;
  switch (phase) {
    case Phase::sender_check:
      forget_envelope();
      counts = reply.permanent();
      break;
    case Phase::recipient_check:
      proposed = {};
      break;
    case Phase::open_check:
      if (chunks && !closes) return pass_over_chunk(std::move(reply));
      break;
    case Phase::end_check:
      in_transaction = false;
      envelope_stale = true;
      break;
    case Phase::credentials_check:
      if (!closes) return refuse_credentials(reply);
      end_exchange();
      break;
    case Phase::client_check:
      counts = reply.permanent();
      break;
    default:  // the session ended while the carrier made up its mind
      return;
  }
  phase = Phase::command;
  if (closes) {
    say_farewell(reply.code, reply.status, reply.text);
    end_session("refused with 421");
  } else if (counts) {
    say_error(reply.code, reply.status, reply.text);
  } else {
    say(reply.code, reply.status, reply.text);
  }
}

void ServerAutomaton::State::refuse_credentials(const Reply& reply) {
  if (reply.transient()) {
    end_exchange();
    return say(reply.code, reply.status, reply.text);
  }
  ++auth_failures;
  if (const auto challenge = exchange->sasl.refusal_challenge(); !challenge.empty()) {
    exchange->verdict = reply;
    phase = Phase::auth_response;
    return say_challenge(challenge);
  }
  end_exchange();
  say_error(reply.code, reply.status, reply.text);
}

}  // namespace cordon::smtp
