#include "smtp/server_automaton.h"

#include <functional>

#include "smtp/foreign_opening.h"
#include "smtp/server_state.h"

namespace cordon::smtp {
namespace {

// Replies of a pipelined batch gather up to here before they are written (RFC 2920 3.2).
constexpr std::size_t flush_at = 4096;
// Buffers above this are given back when a session falls idle.
constexpr std::size_t small_buffer = 256;

const Credentials no_credentials;
const ClientFacts nothing_told;

void release_if_large(std::string& buffer) {
  buffer.clear();
  if (buffer.capacity() > small_buffer) buffer.shrink_to_fit();
}

}  // namespace

// ---- The loop
// ------------------------------------------------------------------------------------

Action ServerAutomaton::State::next() {
  begin_step();
  Action action;
  while (true) {
    if (std::exchange(drop_due, false)) return {ActionKind::drop_body, {}};
    if (std::exchange(over_due, false)) {
      envelope_stale = true;
      return {ActionKind::transaction_over, {}};
    }
    if (out.size() >= flush_at) return flush();
    switch (phase) {
      case Phase::greeting:
        greet();
        break;
      case Phase::command:
        if (shutting_down && !body_open) {
          leave(last_words::shutting_down);
        } else if (const auto line = take_line()) {
          obey(*line);
        } else if (!spoke_foreign(lines.held_front())) {
          watch_for_secrets(lines.held_front());
          return idle();
        }
        break;
      case Phase::auth_response:
        if (shutting_down) {
          leave(last_words::shutting_down);
        } else if (const auto line = take_line()) {
          hear_response(*line);
        } else {
          return idle();
        }
        break;
      case Phase::sender_check:
        return {ActionKind::check_sender, {}};
      case Phase::recipient_check:
        return {ActionKind::check_recipient, {}};
      case Phase::open_check:
        return {ActionKind::open_body, {}};
      case Phase::content:
        if (read_content(action)) return action;
        break;
      case Phase::chunk:
        if (read_chunk(action)) return action;
        break;
      case Phase::end_check:
        return {ActionKind::end_body, {}};
      case Phase::credentials_check:
        return {ActionKind::check_credentials, {}};
      case Phase::client_check:
        return {ActionKind::check_client, {}};
      case Phase::tls_handshake:
        return out.empty() ? Action{ActionKind::start_tls, {}} : flush();
      case Phase::closed:
        return out.empty() ? Action{ActionKind::close, {}} : flush();
    }
  }
}

void ServerAutomaton::State::begin_step() {
  sent.clear();
  if (std::exchange(envelope_stale, false)) forget_envelope();
}

Action ServerAutomaton::State::idle() {
  if (!out.empty()) return flush();
  release_if_large(out);
  release_if_large(sent);
  if (secret_input) wipe(kept);
  release_if_large(kept);
  rest = {};
  return {ActionKind::need_input, {}};
}

Action ServerAutomaton::State::flush() {
  sent.swap(out);
  return {ActionKind::write, sent};
}

std::optional<Line> ServerAutomaton::State::take_line() {
  const bool may_authenticate = offers_auth() && !authenticated;
  const bool long_lines = phase == Phase::auth_response || may_authenticate;
  lines.set_limit(long_lines ? max_auth_line : max_command_line);
  return lines.take(rest);
}

// Asked before the line has ended: a ClientHello has no line end to wait for.
bool ServerAutomaton::State::spoke_foreign(std::string_view front) {
  const std::string_view protocol = foreign_protocol(front);
  if (protocol.empty()) return false;
  leave({last_words::not_smtp, protocol});
  return true;
}

// ---- The public face
// -----------------------------------------------------------------------------

ServerAutomaton::State::~State() {
  if (secret_input) wipe(kept);
}

ServerAutomaton::ServerAutomaton(std::shared_ptr<const ServerOptions> options)
    : state_(std::make_unique<State>(std::move(options))) {
  static_assert(sizeof(State) <= 1024, "an idle session is to stay small");
}
ServerAutomaton::~ServerAutomaton() = default;

void ServerAutomaton::input(std::string_view bytes) {
  if (state_->phase == State::Phase::closed) return;
  state_->rest = bytes;
  state_->secret_input = state_->phase == State::Phase::auth_response;
}

void ServerAutomaton::retain() {
  const std::string_view rest = state_->rest;
  std::string& kept = state_->kept;
  const std::less<> before;
  const bool kept_already =
      !before(rest.data(), kept.data()) && before(rest.data(), kept.data() + kept.size());
  if (rest.empty() || kept_already) return;  // views of a body given out may lie in `kept`
  if (state_->secret_input) wipe(kept);
  kept = rest;
  state_->rest = kept;
}

Action ServerAutomaton::next() { return state_->next(); }
void ServerAutomaton::allow_xclient() { state_->xclient_allowed = true; }
void ServerAutomaton::tls_started() { state_->tls_started(); }
void ServerAutomaton::accept(std::string_view text) { state_->accept(text); }
void ServerAutomaton::refuse(Reply reply) { state_->refuse(std::move(reply)); }
void ServerAutomaton::time_out() { state_->time_out(); }
void ServerAutomaton::shut_down() { state_->shutting_down = true; }
void ServerAutomaton::connection_lost() { state_->connection_lost(); }

const Envelope& ServerAutomaton::envelope() const { return state_->envelope; }
const Recipient& ServerAutomaton::proposed_recipient() const { return state_->proposed; }
std::string_view ServerAutomaton::helo_name() const { return state_->helo_name; }
bool ServerAutomaton::extended() const { return state_->extended; }
bool ServerAutomaton::in_transaction() const { return state_->in_transaction; }
bool ServerAutomaton::in_content() const {
  return state_->phase == State::Phase::content || state_->phase == State::Phase::chunk;
}
std::uint64_t ServerAutomaton::body_octets() const { return state_->body_octets(); }
bool ServerAutomaton::tls() const { return state_->tls; }
bool ServerAutomaton::authenticated() const { return state_->authenticated; }
std::string_view ServerAutomaton::authenticated_as() const {
  return state_->identity ? std::string_view(state_->identity->user) : std::string_view();
}
std::uint32_t ServerAutomaton::errors() const { return state_->errors; }
std::string_view ServerAutomaton::end_reason() const { return state_->end_reason; }
bool ServerAutomaton::input_was_secret() const { return state_->secret_input; }
void ServerAutomaton::set_recorder(Recorder recorder) { state_->recorder = std::move(recorder); }

const Credentials& ServerAutomaton::credentials() const {
  return state_->phase == State::Phase::credentials_check ? state_->exchange->sasl.credentials()
                                                          : no_credentials;
}

const ClientFacts& ServerAutomaton::client_facts() const {
  if (!state_->identity) return nothing_told;
  const State::Identity& identity = *state_->identity;
  return state_->phase == State::Phase::client_check ? identity.proposed : identity.told;
}

}  // namespace cordon::smtp
