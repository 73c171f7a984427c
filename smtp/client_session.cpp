// How a session comes about, from the greeting to the first message: EHLO or HELO, STARTTLS and
// EHLO again (RFC 3207), AUTH (RFC 4954); and anew after XCLIENT, which takes the server back to
// its greeting (XCLIENT_README).
#include <algorithm>
#include <utility>

#include "smtp/client_state.h"
#include "smtp/text.h"
#include "smtp/upstream_offer.h"

namespace cordon::smtp {
namespace {

bool completed(const Reply& reply) { return reply.code >= 200 && reply.code < 300; }
bool refused(const Reply& reply) { return reply.transient() || reply.permanent(); }

// Our credentials, our configuration: the mail waits until somebody mends it.
Reply as_ours(const Reply& reply, bool repeats_secret) {
  if (reply.transient() && !repeats_secret) return reply;
  EnhancedStatus status = reply.status;
  if (status.klass == 0) status = {4, 7, 0};
  status.klass = 4;
  const std::string words = repeats_secret ? std::to_string(reply.code) : reply.one_line();
  return {454, status, "The next server does not take our credentials: " + words};
}

}  // namespace

void ClientDialogue::State::handle_greeting(const Reply& reply) {
  if (!completed(reply)) return leave(reply);
  offer.name = reply.text.substr(0, reply.text.find_first_of(" \n"));
  greet();
}

// What was offered before TLS, or to another client, counts no more (RFC 3207 4.2).
void ClientDialogue::State::greet() {
  std::string name = std::move(offer.name);
  offer = {};
  offer.name = std::move(name);
  send("EHLO " + helo_name() + "\r\n", Expected::ehlo);
}

// Whom XCLIENT told of also greets by its own name: Postfix takes the one of EHLO for the client's,
// whatever the attribute said.
std::string ClientDialogue::State::helo_name() const {
  const bool as_client =
      told && !told->helo.empty() && std::none_of(told->helo.begin(), told->helo.end(), [](char c) {
        return is_control(c) || c == ' ' || is_non_ascii(c);
      });
  return as_client ? told->helo : options.helo_name;
}

void ClientDialogue::State::handle_ehlo(const Reply& reply) {
  if (reply.permanent()) return send("HELO " + helo_name() + "\r\n", Expected::helo);
  if (!completed(reply)) return leave(reply);
  read_offer(reply.text, offer);
  settle_session();
}

void ClientDialogue::State::handle_helo(const Reply& reply) {
  if (!completed(reply)) return leave(reply);
  settle_session();
}

// The server is greeted: what is still missing?
void ClientDialogue::State::settle_session() {
  const bool wanted = !secured && options.starttls != ClientOptions::StartTls::never;
  if (wanted && offer.starttls && !starttls_refused) {
    return send("STARTTLS\r\n", Expected::starttls);
  }
  if (wanted && options.starttls == ClientOptions::StartTls::required) {
    return leave({454, {4, 7, 0}, "TLS is required, and the next server does not offer STARTTLS"});
  }
  if (options.client && offer.xclient && !told && tell_client(*options.client)) return;
  if (options.credentials && !authenticated) return authenticate();
  session_settled();
}

void ClientDialogue::State::handle_starttls(const Reply& reply) {
  if (completed(reply)) {
    phase = Phase::start_tls;
  } else if (!refused(reply)) {
    break_protocol();
  } else if (options.starttls == ClientOptions::StartTls::required) {
    leave({454, {4, 7, 0}, "TLS is required, and the next server refuses it: " + reply.one_line()});
  } else {
    starttls_refused = true;
    settle_session();
  }
}

void ClientDialogue::State::tls_started() {
  if (phase == Phase::unconnected) secured = true;
  if (phase != Phase::start_tls) return;
  if (reader.held() > 0 || reader.faulty()) return break_protocol();
  secured = true;
  greet();
}

void ClientDialogue::State::authenticate() {
  if (!secured && !options.auth_in_plain) {
    auth_failure = {454, {4, 7, 0}, "Our credentials need TLS, which the connection has not"};
    return leave(auth_failure);
  }
  const auto mechanism =
      choose_mechanism(*options.credentials, options.mechanisms, offer.mechanisms);
  if (!mechanism) {
    auth_failure = {454, {4, 7, 4}, "The next server does not offer the AUTH of our credentials"};
    return leave(auth_failure);
  }
  sasl.emplace(*options.credentials, *mechanism);
  send_secret(sasl->begin());
}

void ClientDialogue::State::send_secret(std::string line) {
  out.reserve(out.size() + line.size());  // growing would leave a copy
  secret_in_out = true;
  send(line, Expected::auth);
  wipe(line);
}

void ClientDialogue::State::handle_auth(const Reply& reply) {
  if (reply.code == 334) {
    if (auto line = sasl->answer()) return send_secret(std::move(*line));
    return break_protocol();
  }
  // RFC 4954 4: 503 after a successful AUTH. What XCLIENT sets back differs between servers. Of no
  // credentials that were never taken it says that they are right.
  const bool was_already = reply.code == 503 && was_authenticated;
  if (completed(reply) || was_already) {
    sasl.reset();
    authenticated = was_authenticated = true;
    session_settled();
  } else if (refused(reply)) {
    const bool repeats = sasl->repeated_in(reply.text);
    auth_failure = reply;
    if (repeats) auth_failure.text = "Authentication failed";
    leave(as_ours(reply, repeats));
  } else {
    break_protocol();
  }
}

bool ClientDialogue::State::tell_client(const ClientFacts& client) {
  told = client;
  const std::string line = format_xclient(client, offer.attributes);
  if (!line.empty()) send(line + "\r\n", Expected::xclient);
  return !line.empty();
}

void ClientDialogue::State::handle_xclient(const Reply& reply) {
  if (!completed(reply)) {
    return refused(reply) ? leave(reply) : break_protocol();
  }
  authenticated = false;
  greet();
}

void ClientDialogue::State::session_settled() {
  if (!announced) {
    phase = Phase::ready;
    return;
  }
  const Announced next = std::move(*announced);
  announced.reset();
  begin_transaction(next.envelope, next.indices, next.octets);
}

}  // namespace cordon::smtp
