// How the server automaton takes the content of a message: by DATA (RFC 5321 4.1.1.4) or in chunks
// by BDAT (RFC 3030).
#include "smtp/server_state.h"

namespace cordon::smtp {
namespace {

Reply as_reply(const FixedReply& fixed) {
  return {fixed.code, fixed.status, std::string(fixed.text)};
}

}  // namespace

void ServerAutomaton::State::record_content() {
  if (!recorder) return;
  const std::uint64_t octets = chunks ? chunks->reader.chunk_octets() : content.octets();
  recorder(Speaker::client, '[' + std::to_string(octets) + " octets of content]");
}

void ServerAutomaton::State::refuse_content(DataFault fault) {
  ++errors;
  switch (fault) {
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
}

// ---- DATA
// ----------------------------------------------------------------------------------------

// True if the carrier has something to do; false at the end of it.
bool ServerAutomaton::State::give(const DataStep& step, Action& action) {
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
      return false;
  }
  return false;
}

bool ServerAutomaton::State::read_content(Action& action) {
  if (give(content.next(rest), action)) return true;
  finish_content();
  return false;
}

void ServerAutomaton::State::finish_content() {
  record_content();
  body_open = false;
  if (content.fault() == DataFault::none) {
    phase = Phase::end_check;
    return;
  }
  phase = Phase::command;
  refuse_content(content.fault());
}

// ---- BDAT
// ----------------------------------------------------------------------------------------

// Whatever is wrong, the octets of the chunk are taken before that is said (RFC 3030 2): they would
// be read as commands else.
void ServerAutomaton::State::bdat(std::string_view argument) {
  ChunkSize size;
  if (!read_chunk_size(argument, size)) return leave(last_words::unknown_chunk_size);
  const FixedReply* const refusal = chunk_refusal();
  if (refusal == nullptr && body_open) {
    chunks->reader.begin_chunk(size.octets, size.last);
    phase = Phase::chunk;
    return;
  }
  if (!chunks) chunks = std::make_unique<Chunks>();
  chunks->reader.start(refusal == nullptr ? options->max_message_octets : 0);
  chunks->reader.begin_chunk(size.octets, size.last);
  if (refusal != nullptr) return pass_over_chunk(as_reply(*refusal));
  if (chunks->reader.fault() != DataFault::none) {
    return pass_over_chunk(as_reply(replies::too_large));
  }
  phase = Phase::open_check;
}

const FixedReply* ServerAutomaton::State::chunk_refusal() const {
  if (chunks_refused) return &replies::chunk_behind_refused;
  if (!options->chunking) return &replies::unserved_command;
  if (options->require_tls && !tls) return &replies::tls_first;
  if (!extended) return &replies::ehlo_first;
  if (!in_transaction) return &replies::need_mail;
  if (envelope.recipients.empty()) {
    return rcpt_seen ? &replies::no_valid_recipients : &replies::need_rcpt;
  }
  return nullptr;
}

void ServerAutomaton::State::pass_over_chunk(Reply reply) {
  chunks->verdict = std::move(reply);
  chunks->reader.pass_over();
  phase = Phase::chunk;
}

bool ServerAutomaton::State::read_chunk(Action& action) {
  if (give(chunks->reader.next(rest), action)) return true;
  finish_chunk();
  return false;
}

// A chunk that is refused ends the transaction: without it there is no message any more. Those that
// the client had sent behind it before it knew are no errors of its own (RFC 3030 2 has them
// discarded).
void ServerAutomaton::State::finish_chunk() {
  record_content();
  phase = Phase::command;
  const bool behind_refused = std::exchange(chunks_refused, false);
  const ChunkReader& reader = chunks->reader;
  if (chunks->verdict.code != 0) {
    const Reply reply = std::exchange(chunks->verdict, {});
    chunks_refused = !reader.last();
    abandon_transaction();
    if (behind_refused || !reply.permanent()) return say(reply.code, reply.status, reply.text);
    return say_error(reply.code, reply.status, reply.text);
  }
  if (reader.fault() != DataFault::none) {
    chunks_refused = !reader.last();
    return refuse_content(reader.fault());
  }
  if (!reader.last()) {
    return say(250, {2, 0, 0}, std::to_string(reader.chunk_octets()) + " octets received");
  }
  body_open = false;
  phase = Phase::end_check;
}

}  // namespace cordon::smtp
