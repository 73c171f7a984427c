// How transactions and sessions of the server automaton end, and how it says and records things.
#include "smtp/server_state.h"
#include "smtp/text.h"

namespace cordon::smtp {
namespace {

constexpr std::string_view credentials_mark = "[credentials]";

// A line that is no command of its own, with AUTH somewhere in it: two lines parted by a bare LF.
bool mentions_auth(std::string_view line) {
  constexpr std::string_view name = "AUTH ";
  for (std::size_t at = 0; at + name.size() <= line.size(); ++at) {
    if (same_ignoring_case(line.substr(at, name.size()), name)) return true;
  }
  return false;
}

}  // namespace

// ---- Ends
// ----------------------------------------------------------------------------------------

void ServerAutomaton::State::abandon_transaction() {
  drop_due = drop_due || body_open;
  body_open = false;
  over_due = over_due || in_transaction;
  in_transaction = false;
}

void ServerAutomaton::State::forget_envelope() {
  constexpr std::size_t few = 16;
  if (envelope.recipients.capacity() > few) envelope.recipients = {};
  envelope.recipients.clear();
  envelope.sender.null = true;
  envelope.sender.mailbox.local.clear();
  envelope.sender.mailbox.domain.clear();
  envelope.declared_size.reset();
  envelope.body = BodyType::seven_bit;
  envelope.smtputf8 = false;
  envelope.ret = DsnReturn::unspecified;
  envelope.envid.clear();
  rcpt_seen = false;
}

void ServerAutomaton::State::end_session(std::string_view reason) {
  if (phase == Phase::closed) return;
  if (phase == Phase::end_check) {
    in_transaction = false;  // the message is the carrier's already: nothing is taken back
    envelope_stale = true;
  }
  if (body_open && (phase == Phase::content || phase == Phase::chunk)) record_content();
  abandon_transaction();
  exchange.reset();
  rest = {};
  end_reason = reason;
  phase = Phase::closed;
}

void ServerAutomaton::State::leave(const LastWords& last) {
  say_farewell(last.reply.code, last.reply.status, last.reply.text);
  end_session(last.reason);
}

void ServerAutomaton::State::time_out() {
  if (phase == Phase::tls_handshake) {  // there is nothing that the client could read
    end_session(last_words::timed_out.reason);
    out.clear();
  } else if (phase != Phase::closed) {
    leave(last_words::timed_out);
  }
}

void ServerAutomaton::State::connection_lost() {
  end_session("connection lost");
  out.clear();
}

// ---- Replies and the record
// -----------------------------------------------------------------------

void ServerAutomaton::State::say(int code, EnhancedStatus status, std::string_view text) {
  const std::size_t start = out.size();
  append_wire(out, code, status, text);
  if (recorder) record_replies(std::string_view(out).substr(start));
}

void ServerAutomaton::State::say_error(int code, EnhancedStatus status, std::string_view text) {
  if (++errors > options->max_errors) {
    leave(last_words::too_many_errors);
  } else {
    say(code, status, text);
  }
}

// 221 and 421 begin with the name of the host, as the greeting does (RFC 5321 4.2.2: "<domain>").
void ServerAutomaton::State::say_farewell(int code, EnhancedStatus status, std::string_view text) {
  say(code, status, std::string(options->hostname).append(" ").append(text));
}

// The space is there even if nothing follows it (RFC 4954 4).
void ServerAutomaton::State::say_challenge(std::string_view base64) {
  const std::size_t start = out.size();
  out.append("334 ").append(base64).append("\r\n");
  if (recorder) record_replies(std::string_view(out).substr(start));
}

void ServerAutomaton::State::record_replies(std::string_view wire) {
  while (!wire.empty()) {
    const std::size_t end = wire.find("\r\n");
    recorder(Speaker::server, wire.substr(0, end));
    wire.remove_prefix(end + 2);
  }
}

// `front`: of a line whose end has not come.
void ServerAutomaton::State::watch_for_secrets(std::string_view front) {
  constexpr std::string_view name = "AUTH";
  const bool is_auth = same_ignoring_case(front.substr(0, name.size()), name);
  secret_input = secret_input || is_auth || (stray_secret && !front.empty());
}

// Of what may be a secret only that it was there. Of an AUTH line the mechanism is shown, if it is
// one.
void ServerAutomaton::State::record_command(const Line& line, const ParsedCommand& command) {
  const bool is_auth = command.rule != nullptr && command.rule->verb == Verb::auth;
  const bool may_be_secret = (command.rule == nullptr && stray_secret) ||
                             (line.fault != LineFault::none && mentions_auth(line.text));
  secret_input = secret_input || is_auth || may_be_secret;
  if (!recorder) return;
  if (!is_auth) return recorder(Speaker::client, may_be_secret ? credentials_mark : line.text);
  const std::string_view name = command.argument.substr(0, command.argument.find(' '));
  const bool known = mechanism_named(name).has_value();
  std::string shown = "AUTH";
  if (known) shown.append(" ").append(name);
  if (!known || name.size() < command.argument.size()) shown.append(" ").append(credentials_mark);
  recorder(Speaker::client, shown);
}

}  // namespace cordon::smtp
