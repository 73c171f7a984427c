// The statements that change messages, their recipients and their content.
#pragma once

namespace cordon::store::sql {

inline constexpr const char* origin_exists = "SELECT 1 FROM origin WHERE id = ?1";

// Content. The id of a row of body or body_slot is message << 16 | piece.
inline constexpr const char* insert_piece = "INSERT INTO body (id, bytes) VALUES (?1, ?2)";
inline constexpr const char* delete_pieces = "DELETE FROM body WHERE id BETWEEN ?1 AND ?2";
inline constexpr const char* insert_slot =
    "INSERT INTO body_slot (id, slot, octets) VALUES (?1, ?2, ?3)";
inline constexpr const char* slots_of = "SELECT slot FROM body_slot WHERE id BETWEEN ?1 AND ?2";
inline constexpr const char* delete_slots = "DELETE FROM body_slot WHERE id BETWEEN ?1 AND ?2";

inline constexpr const char* insert_message =
    "INSERT INTO message (id, kind, state, origin, listener, session, accepted_at, accepted_up, "
    "due,"
    " clearance, quarantined_by, frozen, attempts, sender, sender_domain, declared_size, body_type,"
    " smtputf8, ret, envid, trace, octets, digest, subject, message_id, reference_ids, client,"
    " login)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,"
    " ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28)";
inline constexpr const char* insert_recipient =
    "INSERT INTO recipient (message, place, mailbox, domain, notify, orcpt, state, last_reply)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, '')";

// "Claim unless cordoned": held, not frozen, not in quarantine.
inline constexpr const char* claim_message =
    "UPDATE message SET state = 1 WHERE id = ?1 AND state IN (0, 2) AND frozen = 0 AND "
    "quarantined_by = 0"
    " AND clearance >= (SELECT cordon_epoch FROM origin WHERE origin.id = message.origin)";
inline constexpr const char* message_for_attempt =
    "SELECT state, kind, origin FROM message WHERE id = ?1";
inline constexpr const char* settle_recipient =
    "UPDATE recipient SET state = ?3, last_reply = ?4, settled_at = ?5,"
    " delay_told = max(delay_told, ?6) WHERE message = ?1 AND place = ?2 AND state = 0";
inline constexpr const char* record_delivery =
    "INSERT OR REPLACE INTO revocation (origin, mailbox, message, at, certain)"
    " SELECT ?3, mailbox, message, ?4, 1 FROM recipient WHERE message = ?1 AND place = ?2";
inline constexpr const char* count_recipients =
    "SELECT count(*) FILTER (WHERE state = 0), count(*) FILTER (WHERE state = 1)"
    " FROM recipient WHERE message = ?1";
inline constexpr const char* after_attempt =
    "UPDATE message SET state = ?2, due = ?3, attempts = attempts + ?4, settled_at = ?5"
    " WHERE id = ?1";

// Whoever claimed a message without a result may have delivered it.
inline constexpr const char* unclaim_message =
    "UPDATE message SET state = 0 WHERE id = ?1 AND state = 1";
inline constexpr const char* mark_uncertain =
    "UPDATE message SET state = 2 WHERE id = ?1 AND state IN (0, 1)";
inline constexpr const char* record_uncertain =
    "INSERT OR IGNORE INTO revocation (origin, mailbox, message, at, certain)"
    " SELECT m.origin, r.mailbox, m.id, m.accepted_at, 0 FROM message m, recipient r"
    " WHERE m.id = ?1 AND m.kind = 0 AND m.state IN (1, 2) AND r.message = m.id AND r.state = 0";
inline constexpr const char* freeze_message =
    "UPDATE message SET frozen = ?2 WHERE id = ?1 AND state < 3";
inline constexpr const char* release_message =
    "UPDATE message SET clearance = ?3, quarantined_by = 0, frozen = 0, due = ?2,"
    " accepted_up = ?2,"
    " state = CASE state WHEN 2 THEN 0 ELSE state END WHERE id = ?1 AND state < 3";
// An operator's deletion has no time of its own: its record ages from its acceptance.
inline constexpr const char* delete_message =
    "UPDATE message SET state = 5, settled_at = accepted_at WHERE id = ?1 AND state IN (0, 2)";

inline constexpr const char* seal_credentials =
    "INSERT OR REPLACE INTO credential (message, sealed)"
    " SELECT id, ?2 FROM message WHERE id = ?1 AND state < 3";
inline constexpr const char* drop_credentials = "DELETE FROM credential WHERE message = ?1";

}  // namespace cordon::store::sql
