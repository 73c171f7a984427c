#include "smtp/client_dialogue.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "smtp/client_state.h"
#include "smtp/transaction_commands.h"

namespace cordon::smtp {
namespace {

// Commands sent before their replies are read. RFC 2920 3.1: a client that writes without reading
// must not fill the window, or both sides wait for ever.
constexpr std::size_t pipelined_commands = 100;
constexpr std::size_t small_buffer = 16UL * 1024;  // larger ones are given back between messages

}  // namespace

// ---- The loop
// ------------------------------------------------------------------------------------

ClientDialogue::Step ClientDialogue::State::next() {
  if (std::exchange(secret_in_written, false)) wipe(written);
  written.clear();
  while (true) {
    if (!out.empty()) {
      written.swap(out);
      if (std::exchange(dot_queued, false)) dot_sent = true;
      secret_in_written = std::exchange(secret_in_out, false);
      return {ClientAction::write, written, secret_in_written};
    }
    switch (phase) {
      case Phase::unconnected:
        return {ClientAction::need_input, {}};
      case Phase::awaiting:
        if (const auto reply = reader.take()) {
          handle(*reply);
        } else if (reader.faulty()) {
          break_protocol();
        } else {
          return {ClientAction::need_input, {}};
        }
        break;
      case Phase::start_tls:
        if (reader.held() == 0) return {ClientAction::start_tls, {}};
        break_protocol();
        break;
      case Phase::need_body:
        take_unasked();
        if (phase == Phase::need_body) return {ClientAction::need_body, {}};
        break;
      case Phase::gate:
        take_unasked();
        if (phase == Phase::gate) return {ClientAction::gate, {}};
        break;
      case Phase::decided:
        phase = close_after ? Phase::closed : Phase::ready;
        return {ClientAction::delivered, {}};
      case Phase::ready:
        take_unasked();
        if (close_after && phase == Phase::ready) leave(last_words);
        if (phase == Phase::ready) return {ClientAction::ready, {}};
        break;
      case Phase::closed:
        return {ClientAction::close, {}};
    }
  }
}

// ---- Sending
// -------------------------------------------------------------------------------------

void ClientDialogue::State::send(std::string_view line, Expected what) {
  out += line;
  expected.push_back(what);
  phase = Phase::awaiting;
}

void ClientDialogue::State::start_transaction(const Envelope& envelope,
                                              const std::vector<std::size_t>& which,
                                              std::uint64_t octets, const ClientFacts* client) {
  std::vector<std::size_t> indices = which;
  if (indices.empty()) {
    indices.resize(envelope.recipients.size());
    std::iota(indices.begin(), indices.end(), std::size_t{0});
  }
  results.assign(indices.size(), {});
  decided.assign(indices.size(), false);
  mail = MailState::unsent;
  dot_sent = dot_answered = false;
  if (reader.held() > 0) return break_protocol();  // it speaks unasked
  if (out.capacity() > small_buffer) out.shrink_to_fit();
  if (written.capacity() > small_buffer) written.shrink_to_fit();
  if (client != nullptr && offer.xclient && told != *client) {
    announced = Announced{*client, envelope, std::move(indices), octets};
    return announce_client();
  }
  begin_transaction(envelope, indices, octets);
}

// XCLIENT is for the time between transactions (XCLIENT_README), so an open one ends before it.
void ClientDialogue::State::announce_client() {
  if (std::exchange(rset_due, false)) return send("RSET\r\n", Expected::rset);
  if (tell_client(announced->client)) return;
  session_settled();
}

void ClientDialogue::State::begin_transaction(const Envelope& envelope,
                                              const std::vector<std::size_t>& indices,
                                              std::uint64_t octets) {
  if (const auto refusal = refused_by_offer(envelope, octets, offer)) decide_rest(*refusal);
  if (std::find(decided.begin(), decided.end(), false) == decided.end()) {
    mail = MailState::refused;
    decided.clear();  // refused here, or nobody to send to: no traffic
    phase = Phase::decided;
    return;
  }
  mail_line = mail_command(envelope, octets, offer, authenticated);
  rcpt_lines.clear();
  for (const std::size_t index : indices) {
    rcpt_lines.push_back(rcpt_command(envelope.recipients.at(index), offer));
  }
  last_sent = false;
  rcpts_sent = rcpts_answered = accepted = 0;
  stuffer.start();
  send_group();
}

// Nothing is sent before all that was sent is answered.
void ClientDialogue::State::send_group() {
  if (!expected.empty()) return;
  const std::size_t room = offer.pipelining ? pipelined_commands : 1;
  while (expected.size() < room && send_next_command()) {
  }
  if (expected.empty()) message_decided();
}

// False if what is known so far leaves nothing to send.
bool ClientDialogue::State::send_next_command() {
  const bool nobody_accepted = rcpts_answered == rcpt_lines.size() && accepted == 0;
  if (rset_due) {
    rset_due = false;
    send("RSET\r\n", Expected::rset);
  } else if (mail == MailState::unsent) {
    mail = MailState::sent;
    send(mail_line, Expected::mail);
  } else if (mail == MailState::refused || last_sent ||
             (nobody_accepted && purpose == Purpose::delivery)) {
    return false;
  } else if (rcpts_sent < rcpt_lines.size()) {
    send(rcpt_lines[rcpts_sent++], Expected::rcpt);
  } else if (purpose == Purpose::probe) {
    last_sent = true;
    send("RSET\r\n", Expected::probe_end);
  } else {
    last_sent = true;
    send("DATA\r\n", Expected::data);
  }
  return true;
}

void ClientDialogue::State::send_final_dot() {
  if (reader.held() > 0) return break_protocol();  // half a reply came before there was a question
  send(".\r\n", Expected::dot);
  dot_queued = true;
}

// ---- Ends
// ----------------------------------------------------------------------------------------

bool ClientDialogue::State::message_under_way() const { return !decided.empty(); }

void ClientDialogue::State::decide(std::size_t index, Outcome outcome, const Reply& reply) {
  if (decided[index]) return;
  decided[index] = true;
  results[index] = {outcome, reply};
}

void ClientDialogue::State::decide_rest(const Reply& reply) {
  Outcome outcome = Outcome::deferred;
  if (reply.positive()) outcome = Outcome::delivered;
  if (reply.permanent()) outcome = Outcome::failed;
  for (std::size_t i = 0; i < decided.size(); ++i) decide(i, outcome, reply);
}

void ClientDialogue::State::defer_rest(const Reply& reply) {
  for (std::size_t i = 0; i < decided.size(); ++i) decide(i, Outcome::deferred, reply);
}

void ClientDialogue::State::message_decided() {
  decided.clear();
  rset_due = true;
  phase = Phase::decided;
}

void ClientDialogue::State::break_off(const Reply& why) {
  last_words = why;
  if (sasl && auth_failure.code == 0) auth_failure = why;
  close_after = true;
  if (std::exchange(secret_in_out, false)) wipe(out);
  out.clear();
  sasl.reset();
  announced.reset();
  dot_queued = false;
  expected.clear();
  answered = 0;
  if (message_under_way()) {
    decide_rest(why);
    message_decided();
  } else if (phase != Phase::decided) {
    phase = Phase::closed;
  }
}

// Refused for what the session is, whatever the message: another session may take it.
void ClientDialogue::State::give_session_up(const Reply& why) {
  session_refused = true;
  defer_rest(why);
  break_off(why);
}

// Replies may have been matched with the wrong commands, so none of them decides for good.
void ClientDialogue::State::break_protocol() {
  decided.assign(decided.size(), false);
  break_off({451, {4, 5, 0}, "The next server broke the protocol"});
}

// Closes without waiting for the answer to QUIT. A message whose session cannot be had waits,
// whatever the class of the reply.
void ClientDialogue::State::leave(const Reply& why) {
  last_words = Reply(why);
  out += "QUIT\r\n";
  sasl.reset();
  announced.reset();
  if (message_under_way()) {
    close_after = true;
    defer_rest(why);
    message_decided();
  } else {
    phase = Phase::closed;
  }
}

// ---- The public face
// -----------------------------------------------------------------------------

ClientDialogue::ClientDialogue(ClientOptions options)
    : state_(std::make_unique<State>(std::move(options))) {}
ClientDialogue::~ClientDialogue() = default;

void ClientDialogue::connected() {
  state_->expected.push_back(State::Expected::greeting);
  state_->phase = State::Phase::awaiting;
}

void ClientDialogue::tls_started() { state_->tls_started(); }

void ClientDialogue::input(std::string_view bytes) { state_->reader.input(bytes); }

// NOLINTNEXTLINE(performance-unnecessary-value-param): the contract takes it by value
void ClientDialogue::fail(Reply reply) {
  // What had come before the connection broke still counts: a 250 not heard means a duplicate.
  while (state_->phase == State::Phase::awaiting && state_->out.empty()) {
    const auto heard = state_->reader.take();
    if (!heard) break;
    state_->handle(*heard);
  }
  if (state_->phase == State::Phase::closed) return;
  if (reply.transient()) return state_->break_off(reply);
  state_->break_off({451, {4, 4, 2}, reply.text});  // a lost connection must never look final
}

ClientDialogue::Step ClientDialogue::next() { return state_->next(); }

void ClientDialogue::deliver(const Envelope& envelope, const std::vector<std::size_t>& which,
                             std::uint64_t octets, const ClientFacts* client) {
  if (state_->phase != State::Phase::ready) return;
  state_->purpose = State::Purpose::delivery;
  state_->start_transaction(envelope, which, octets, client);
}

void ClientDialogue::probe(const Envelope& envelope, const std::vector<std::size_t>& which,
                           const ClientFacts* client) {
  if (state_->phase != State::Phase::ready) return;
  state_->purpose = State::Purpose::probe;
  state_->start_transaction(envelope, which, envelope.declared_size.value_or(0), client);
}

void ClientDialogue::body(std::string_view piece, bool last) {
  if (state_->phase != State::Phase::need_body) return;
  state_->stuffer.append(state_->out, piece);
  if (!last) return;
  state_->stuffer.finish(state_->out);
  state_->phase = State::Phase::gate;
}

void ClientDialogue::pass() {
  if (state_->phase == State::Phase::gate) state_->send_final_dot();
}

void ClientDialogue::stop() {
  if (state_->phase != State::Phase::gate) return;
  state_->break_off({450, {4, 7, 0}, "Withheld before the end of data"});
}

void ClientDialogue::quit() {
  if (state_->phase == State::Phase::ready) state_->send("QUIT\r\n", State::Expected::quit);
}

const std::vector<RecipientResult>& ClientDialogue::results() const { return state_->results; }
bool ClientDialogue::dot_sent() const { return state_->dot_sent; }
bool ClientDialogue::dot_answered() const { return state_->dot_answered; }
bool ClientDialogue::unheard() const {
  return state_->mail == State::MailState::unsent || state_->mail == State::MailState::sent;
}
bool ClientDialogue::mail_refused() const { return state_->mail == State::MailState::refused; }
bool ClientDialogue::session_refused() const { return state_->session_refused; }
const Reply& ClientDialogue::auth_failure() const { return state_->auth_failure; }
bool ClientDialogue::client_told() const {
  return state_->told && state_->told == state_->options.client;
}
const UpstreamOffer& ClientDialogue::offer() const { return state_->offer; }
const Reply& ClientDialogue::last_words() const { return state_->last_words; }
std::uint64_t ClientDialogue::replies() const { return state_->replies; }

}  // namespace cordon::smtp
