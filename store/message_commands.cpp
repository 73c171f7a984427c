// Messages: acceptance with content, claims, results, and what operators do to them.
#include "store/commands.h"
#include "store/mailbox_text.h"
#include "store/message_sql.h"

namespace cordon::store {
namespace {

constexpr bool settled(MessageState state) { return state > MessageState::uncertain; }

void drop_content(Database& db, MessageId message, Effects& effects) {
  const auto first = body_row(message, 0);
  const auto last = body_row(message, max_pieces - 1);
  bool any = false;
  {
    Query slots = db.query(sql::slots_of);
    slots.with(first, last);
    for (; slots.step(); any = true) effects.freed.push_back(slots.as<Slot>(0));
  }
  if (any) db.query(sql::delete_slots).with(first, last).run();
  db.query(sql::delete_pieces).with(first, last).run();
}

// A settled message is a record only.
void drop_what_delivers(Database& db, MessageId message, Effects& effects) {
  drop_content(db, message, effects);
  db.query(sql::drop_credentials).with(message).run();
}

void insert_content(Database& db, const Accept& c, const Effects& effects) {
  std::uint32_t place = 0;
  for (const PlacedBody& body : effects.placed) {
    if (body.message != c.message.id) continue;
    for (const PlacedPiece& piece : body.pieces) {
      db.query(sql::insert_slot)
          .with(body_row(c.message.id, place++), piece.slot, piece.octets)
          .run();
    }
  }
  if (!c.bytes.empty()) {
    db.query(sql::insert_piece).with(body_row(c.message.id, c.piece), as_blob(c.bytes)).run();
  }
}

void insert_message(Database& db, const Message& m) {
  const smtp::Envelope& envelope = m.envelope;
  std::optional<MailboxText> sender;
  if (!envelope.sender.null) sender = mailbox_text(envelope.sender.mailbox);
  const auto normal = sender ? std::optional<std::string_view>(sender->normal) : std::nullopt;
  const auto domain = sender ? sender->written_domain : std::nullopt;
  db.query(sql::insert_message)
      .with(m.id, m.kind, m.state, m.origin, m.listener, m.session, m.accepted_at, m.accepted_up,
            m.due, m.clearance, m.quarantined_by, m.frozen, m.attempts, normal, domain,
            envelope.declared_size, envelope.body, envelope.smtputf8, envelope.ret, envelope.envid,
            m.trace, m.octets, m.digest, m.subject, m.message_id, m.references, m.client, m.login)
      .run();
}

void insert_recipients(Database& db, const Message& m) {
  std::uint32_t place = 0;
  for (const smtp::Recipient& recipient : m.envelope.recipients) {
    const MailboxText text = mailbox_text(recipient.mailbox);
    db.query(sql::insert_recipient)
        .with(m.id, place, text.normal, text.written_domain, recipient.notify, recipient.orcpt)
        .run();
    ++place;
  }
}

// What a message is now that all results of an attempt are in.
MessageState state_after(Database& db, MessageId message) {
  Query counts = db.query(sql::count_recipients);
  counts.with(message).step();
  if (counts.integer(0) > 0) return MessageState::held;
  return counts.integer(1) > 0 ? MessageState::committed : MessageState::failed;
}

}  // namespace

void check_piece(MessageId message, std::uint32_t piece, std::size_t octets) {
  const auto id = static_cast<std::int64_t>(message);
  if (id < 1 || id > max_message_id) throw Contradiction("no possible message id:", id);
  if (piece >= max_pieces) throw Contradiction("too many pieces of content in message", id);
  if (octets > max_body_piece) throw Contradiction("too large a piece of content in message", id);
}

void apply_to(Database& db, const Accept& c, Effects& effects) {
  const Message& m = c.message;
  check_piece(m.id, c.piece, c.bytes.size());
  const auto id = static_cast<std::int64_t>(m.id);
  if (settled(m.state)) throw Contradiction("accepted in a final state: message", id);
  if (m.envelope.recipients.empty()) throw Contradiction("no recipients in message", id);
  require_row(db, sql::origin_exists, "no such origin:", m.origin);
  insert_message(db, m);
  insert_recipients(db, m);
  insert_content(db, c, effects);
}

void apply_to(Database& db, const Claim& c, Effects& effects) {
  for (const MessageId message : c.messages) {
    db.query(sql::claim_message).with(message).run();
    if (db.changes() > 0) effects.answer.claimed.push_back(message);
  }
}

void apply_to(Database& db, const RecordAttempt& c, Effects& effects) {
  MessageKind kind{};
  OriginId origin{};
  {
    Query message = db.query(sql::message_for_attempt);
    const bool found = message.with(c.message).step();
    if (!found || settled(message.as<MessageState>(0))) {
      throw Contradiction("no unsettled message", static_cast<std::int64_t>(c.message));
    }
    kind = message.as<MessageKind>(1);
    origin = message.as<OriginId>(2);
  }
  for (const RecordAttempt::Result& result : c.results) {
    const bool pending = result.state == RecipientState::pending;
    const auto settled_at = pending ? std::nullopt : std::optional(c.at);
    db.query(sql::settle_recipient)
        .with(c.message, result.index, result.state, result.reply, settled_at, result.delay_told)
        .run();
    require_change(db, "a result for no pending recipient of message", c.message);
    if (result.state == RecipientState::delivered && kind == MessageKind::mail) {
      db.query(sql::record_delivery).with(c.message, result.index, origin, c.at).run();
    }
  }
  if (c.claim_stands) return;
  const MessageState state = state_after(db, c.message);
  const auto settled_at = settled(state) ? std::optional(c.at) : std::nullopt;
  db.query(sql::after_attempt).with(c.message, state, c.due, c.count_attempt, settled_at).run();
  if (settled(state)) drop_what_delivers(db, c.message, effects);
}

void apply_to(Database& db, const Unclaim& c, Effects&) {
  db.query(sql::unclaim_message).with(c.message).run();
  require_change(db, "no claimed message", c.message);
}

void apply_to(Database& db, const MarkUncertain& c, Effects&) {
  if (!c.claim_stands) {
    db.query(sql::mark_uncertain).with(c.message).run();
    require_change(db, "no unsettled message", c.message);
  }
  db.query(sql::record_uncertain).with(c.message).run();
}

void apply_to(Database& db, const Freeze& c, Effects&) {
  db.query(sql::freeze_message).with(c.message, c.frozen).run();
  require_change(db, "no unsettled message", c.message);
}

void apply_to(Database& db, const Release& c, Effects&) {
  db.query(sql::release_message).with(c.message, c.due, released).run();
  require_change(db, "no unsettled message", c.message);
}

void apply_to(Database& db, const DeleteMessage& c, Effects& effects) {
  db.query(sql::delete_message).with(c.message).run();
  require_change(db, "no held message", c.message);
  drop_what_delivers(db, c.message, effects);
}

void apply_to(Database& db, const SealCredentials& c, Effects&) {
  const auto id = static_cast<std::int64_t>(c.message);
  if (c.sealed.empty()) throw Contradiction("no credentials were sealed for message", id);
  db.query(sql::seal_credentials).with(c.message, as_blob(c.sealed)).run();
  require_change(db, "no unsettled message", c.message);
}

void apply_to(Database& db, const DropCredentials& c, Effects&) {
  for (const MessageId message : c.messages) db.query(sql::drop_credentials).with(message).run();
}

}  // namespace cordon::store
