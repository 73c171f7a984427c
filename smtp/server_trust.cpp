// How the server automaton learns who its client is: STARTTLS (RFC 3207), AUTH (RFC 4954) and
// XCLIENT (Postfix, XCLIENT_README).
#include "smtp/server_state.h"
#include "smtp/xclient.h"

namespace cordon::smtp {

// After STARTTLS, since what came before could be anybody's words (RFC 3207 4.2), and after
// XCLIENT.
void ServerAutomaton::State::forget_greeting() {
  helo_name.clear();
  extended = false;
  authenticated = identity && !identity->told.login.empty();
  if (identity) identity->user = identity->told.login;
}

ServerAutomaton::State::Identity& ServerAutomaton::State::who() {
  if (!identity) identity = std::make_unique<Identity>();
  return *identity;
}

// ---- STARTTLS
// ------------------------------------------------------------------------------------

void ServerAutomaton::State::starttls() {
  if (tls) return say_error(replies::tls_active);
  if (!options->starttls) return say_error(replies::unserved_command);
  if (!rest.empty()) return leave(last_words::input_behind_starttls);
  say(replies::start_tls);
  phase = Phase::tls_handshake;
}

void ServerAutomaton::State::tls_started() {
  tls = true;
  if (phase != Phase::tls_handshake) return;  // TLS from the beginning
  forget_greeting();
  stray_secret = false;
  phase = Phase::command;
}

// ---- AUTH
// ----------------------------------------------------------------------------------------

bool ServerAutomaton::State::offers_auth() const {
  const bool in_plain = options->auth_in_plain && !options->require_tls;
  return options->mechanisms != 0 && (tls || in_plain);
}

void ServerAutomaton::State::auth(std::string_view argument) {
  if (options->mechanisms == 0) return say_error(replies::unserved_command);
  if (!extended) return say_error(replies::ehlo_first);
  if (authenticated) return say_error(replies::auth_done);
  if (!offers_auth()) return say_error(replies::auth_needs_tls);
  if (options->max_auth_failures != 0 && auth_failures >= options->max_auth_failures) {
    return leave(last_words::too_many_auth_failures);
  }
  const std::string_view name = argument.substr(0, argument.find(' '));
  std::optional<std::string_view> initial;
  if (name.size() < argument.size()) {
    initial = argument.substr(argument.find_first_not_of(' ', name.size()));
  }
  if (name.empty() || (initial && initial->find(' ') != std::string_view::npos)) {
    return say_error(501, {5, 5, 4}, "Syntax: AUTH mechanism [initial-response]");
  }
  const auto mechanism = mechanism_named(name);
  if (!mechanism || !has(options->mechanisms, *mechanism)) {
    return say_error(replies::unknown_mechanism);
  }
  exchange = std::make_unique<Exchange>(Exchange{SaslServer(*mechanism), std::nullopt});
  go_on(exchange->sasl.begin(initial));
}

void ServerAutomaton::State::go_on(SaslStep step) {
  const auto fail = [&](const FixedReply& reply) {
    end_exchange();
    stray_secret = true;
    say_error(reply);
  };
  switch (step) {
    case SaslStep::challenge:
      phase = Phase::auth_response;
      return say_challenge(exchange->sasl.challenge());
    case SaslStep::done:
      phase = Phase::credentials_check;
      return;
    case SaslStep::cancelled:
      return fail(replies::auth_cancelled);
    case SaslStep::undecodable:
      return fail(replies::auth_undecodable);
    case SaslStep::malformed:
      return fail(replies::auth_malformed);
    case SaslStep::empty:
      ++auth_failures;
      return fail(replies::bad_credentials);
  }
}

void ServerAutomaton::State::hear_response(const Line& line) {
  secret_input = true;
  if (recorder) recorder(Speaker::client, line.text == "*" ? "*" : "[credentials]");
  if (exchange->verdict) {
    const Reply reply = std::move(*exchange->verdict);
    end_exchange();
    return say_error(reply.code, reply.status, reply.text);
  }
  if (line.fault == LineFault::none) return go_on(exchange->sasl.respond(line.text));
  end_exchange();
  stray_secret = true;
  say_error(line.fault == LineFault::too_long ? replies::auth_line_too_long
                                              : replies::auth_undecodable);
}

void ServerAutomaton::State::end_exchange() {
  exchange.reset();
  stray_secret = false;
  phase = Phase::command;
}

// ---- XCLIENT
// -------------------------------------------------------------------------------------

// What a relay has to tell may take several commands, but none takes back who the client is: a
// relay may pass on what its client says without having greeted for it.
static bool told_otherwise(const ClientFacts& before, const ClientFacts& now) {
  return (!before.address.empty() && now.address != before.address) ||
         (!before.login.empty() && now.login != before.login);
}

void ServerAutomaton::State::xclient(std::string_view argument) {
  if (!xclient_allowed) return say_error(replies::xclient_barred);
  who().proposed = who().told;
  const auto error = read_xclient(argument, who().proposed);
  if (!error) {
    if (told_otherwise(identity->told, identity->proposed)) {
      return say_error(replies::xclient_barred);
    }
    phase = Phase::client_check;
    return;
  }
  switch (*error) {
    case XclientError::nothing_told:
      return say_error(501, {5, 5, 4}, "Syntax: XCLIENT attribute=value ...");
    case XclientError::unknown:
      return say_error(replies::unknown_attribute);
    case XclientError::malformed:
      return say_error(replies::malformed_attribute);
  }
}

// "The server MUST act as if it had just accepted the connection" in the name of that client.
void ServerAutomaton::State::client_told() {
  who().told = who().proposed;
  client_was_told = true;
  forget_greeting();
  greet();
}

}  // namespace cordon::smtp
