#include "smtp/server_automaton.h"

#include <functional>

#include "smtp/server_state.h"

namespace cordon::smtp {
namespace {

// Replies of a pipelined batch gather up to here before they are written (RFC 2920 3.2).
constexpr std::size_t flush_at = 4096;
// Buffers above this are given back when a session falls idle.
constexpr std::size_t small_buffer = 256;

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
        if (shutting_down) {
          leave(replies::shutting_down);
        } else if (const auto line = lines.take(rest)) {
          obey(*line);
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
      case Phase::end_check:
        return {ActionKind::end_body, {}};
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
  release_if_large(kept);
  rest = {};
  return {ActionKind::need_input, {}};
}

Action ServerAutomaton::State::flush() {
  sent.swap(out);
  return {ActionKind::write, sent};
}

// ---- Content
// -------------------------------------------------------------------------------------

// True if the carrier has something to do.
bool ServerAutomaton::State::read_content(Action& action) {
  const DataStep step = content.next(rest);
  switch (step.event) {
    case DataEvent::need_input:
      action = idle();
      return true;
    case DataEvent::content:
      action = {ActionKind::body, step.bytes};
      return true;
    case DataEvent::fault:
      body_open = false;
      action = {ActionKind::drop_body, {}};
      return true;
    case DataEvent::end:
      finish_content();
      return false;
  }
  return false;
}

void ServerAutomaton::State::record_content() {
  if (!recorder) return;
  recorder(Speaker::client, '[' + std::to_string(content.octets()) + " octets of content]");
}

void ServerAutomaton::State::finish_content() {
  record_content();
  body_open = false;
  if (content.fault() == DataFault::none) {
    phase = Phase::end_check;
    return;
  }
  ++errors;
  switch (content.fault()) {
    case DataFault::bare_cr:
      say(replies::bare_cr_in_data);
      break;
    case DataFault::bare_lf:
      say(replies::bare_lf_in_data);
      break;
    case DataFault::nul:
      say(replies::nul_in_data);
      break;
    default:
      say(replies::too_large);
  }
  abandon_transaction();
  phase = Phase::command;
}

// ---- The carrier's answers
// -----------------------------------------------------------------------

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
      words(replies::go_ahead);
      content.start(options->max_message_octets);
      body_open = true;
      phase = Phase::content;
      break;
    case Phase::end_check:
      words(replies::ok);
      in_transaction = false;
      envelope_stale = true;
      phase = Phase::command;
      break;
    default:  // the session ended while the carrier made up its mind
      break;
  }
}

void ServerAutomaton::State::refuse(const Reply& reply) {
  switch (phase) {
    case Phase::sender_check:
      forget_envelope();
      break;
    case Phase::recipient_check:
      proposed = {};
      break;
    case Phase::open_check:
      break;
    case Phase::end_check:
      in_transaction = false;
      envelope_stale = true;
      break;
    default:  // the session ended while the carrier made up its mind
      return;
  }
  const bool counts = phase == Phase::sender_check && reply.permanent();
  phase = Phase::command;
  if (!reply.transient() && !reply.permanent()) {
    say(replies::local_error);  // a refusal must never look like a yes
  } else if (counts) {
    say_error(reply.code, reply.status, reply.text);
  } else {
    say(reply.code, reply.status, reply.text);
  }
  if (reply.code == 421) end_session();
}

// ---- Ends
// ----------------------------------------------------------------------------------------

void ServerAutomaton::State::abandon_transaction() {
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

void ServerAutomaton::State::end_session() {
  if (phase == Phase::closed) return;
  if (phase == Phase::end_check) {
    in_transaction = false;  // the message is the carrier's already: nothing is taken back
    envelope_stale = true;
  }
  drop_due = body_open;
  if (body_open) record_content();
  body_open = false;
  abandon_transaction();
  rest = {};
  phase = Phase::closed;
}

void ServerAutomaton::State::leave(const FixedReply& last_words) {
  say(last_words);
  end_session();
}

void ServerAutomaton::State::time_out() {
  if (phase != Phase::closed) leave(replies::timed_out);
}

void ServerAutomaton::State::connection_lost() {
  end_session();
  out.clear();
}

// ---- Replies
// -------------------------------------------------------------------------------------

void ServerAutomaton::State::say(int code, EnhancedStatus status, std::string_view text) {
  const std::size_t start = out.size();
  append_wire(out, code, status, text);
  if (recorder) record_replies(std::string_view(out).substr(start));
}

void ServerAutomaton::State::say_error(int code, EnhancedStatus status, std::string_view text) {
  if (++errors > options->max_errors) {
    leave(replies::too_many_errors);
  } else {
    say(code, status, text);
  }
}

void ServerAutomaton::State::record_replies(std::string_view wire) {
  while (!wire.empty()) {
    const std::size_t end = wire.find("\r\n");
    recorder(Speaker::server, wire.substr(0, end));
    wire.remove_prefix(end + 2);
  }
}

// ---- The public face
// -----------------------------------------------------------------------------

ServerAutomaton::ServerAutomaton(std::shared_ptr<const ServerOptions> options)
    : state_(std::make_unique<State>(std::move(options))) {
  static_assert(sizeof(State) <= 1024, "an idle session is to stay small");
}
ServerAutomaton::~ServerAutomaton() = default;

void ServerAutomaton::input(std::string_view bytes) {
  if (state_->phase != State::Phase::closed) state_->rest = bytes;
}

void ServerAutomaton::retain() {
  const std::string_view rest = state_->rest;
  const std::string& kept = state_->kept;
  const std::less<> before;
  const bool kept_already =
      !before(rest.data(), kept.data()) && before(rest.data(), kept.data() + kept.size());
  if (rest.empty() || kept_already) return;  // views of a body given out may lie in `kept`
  state_->kept = rest;
  state_->rest = state_->kept;
}

Action ServerAutomaton::next() { return state_->next(); }
void ServerAutomaton::accept(std::string_view text) { state_->accept(text); }
// NOLINTNEXTLINE(performance-unnecessary-value-param): the contract takes it by value
void ServerAutomaton::refuse(Reply reply) { state_->refuse(reply); }
void ServerAutomaton::time_out() { state_->time_out(); }
void ServerAutomaton::shut_down() { state_->shutting_down = true; }
void ServerAutomaton::connection_lost() { state_->connection_lost(); }

const Envelope& ServerAutomaton::envelope() const { return state_->envelope; }
const Recipient& ServerAutomaton::proposed_recipient() const { return state_->proposed; }
std::string_view ServerAutomaton::helo_name() const { return state_->helo_name; }
bool ServerAutomaton::extended() const { return state_->extended; }
bool ServerAutomaton::in_transaction() const { return state_->in_transaction; }
std::uint64_t ServerAutomaton::body_octets() const { return state_->content.octets(); }
void ServerAutomaton::set_recorder(Recorder recorder) { state_->recorder = std::move(recorder); }

}  // namespace cordon::smtp
