// The statements of readers.
#pragma once

namespace cordon::store::sql {

inline constexpr const char* uptime = "SELECT uptime FROM gateway";
inline constexpr const char* highest_epoch =
    "SELECT max((SELECT coalesce(max(epoch), 0) FROM cordon),"
    " (SELECT coalesce(max(cordon_epoch), 0) FROM origin))";
inline constexpr const char* unsettled =
    "SELECT id, kind, state, origin, due, accepted_up, clearance, quarantined_by, frozen, attempts,"
    " listener FROM message INDEXED BY message_unsettled WHERE state < 3 ORDER BY id";

inline constexpr const char* logins =
    "SELECT m.id, m.listener, m.login,"
    " EXISTS (SELECT 1 FROM credential c WHERE c.message = m.id) AS sealed"
    " FROM message m INDEXED BY message_unsettled WHERE m.state < 3 AND (m.login <> '' OR sealed)"
    " ORDER BY m.id";

inline constexpr const char* awaiting_login =
    "SELECT m.id, m.attempts > 0 FROM message m INDEXED BY message_login"
    " WHERE m.listener = ?1 AND m.login = ?2 AND m.login <> '' AND m.state < 3"
    " AND NOT EXISTS (SELECT 1 FROM credential c WHERE c.message = m.id) ORDER BY m.id LIMIT ?3";

inline constexpr const char* sealed_logins =
    "SELECT m.id, c.sealed FROM message m INDEXED BY message_login"
    " CROSS JOIN credential c ON c.message = m.id"
    " WHERE m.listener = ?1 AND m.login = ?2 AND m.login <> '' AND m.state < 3 AND m.id > ?3"
    " ORDER BY m.id LIMIT ?4";

// In the order in which read_message() takes them.
#define CORDON_MESSAGE_COLUMNS                                                                   \
  "m.id, m.kind, m.state, m.origin, m.listener, m.session, m.accepted_at, m.accepted_up, m.due," \
  " m.clearance, m.quarantined_by, m.frozen, m.attempts, m.sender, m.sender_domain,"             \
  " m.declared_size, m.body_type, m.smtputf8, m.ret, m.envid, m.trace, m.octets, m.digest,"      \
  " m.subject, m.message_id, m.reference_ids, m.client, m.login, o.label,"                       \
  " (m.quarantined_by <> 0 OR m.clearance < o.cordon_epoch) AND m.state < 3 AS quarantined,"     \
  " (SELECT sealed FROM credential WHERE message = m.id)"
// ?1 and ?2 bound the ids, ?12 the number; each other parameter is NULL if it does not matter. ?11
// is whether the message must be in quarantine; one that is leaving is still in the queue.
#define CORDON_MESSAGE_CONDITIONS                                                               \
  " m.id > ?1 AND m.id <= ?2"                                                                   \
  " AND (?3 IS NULL OR m.origin = ?3)"                                                          \
  " AND (?4 IS NULL OR m.sender = ?4)"                                                          \
  " AND (?5 IS NULL OR substr(m.sender, -length(?5)) = ?5)"                                     \
  " AND (?6 IS NULL OR EXISTS (SELECT 1 FROM recipient r WHERE r.message = m.id"                \
  "      AND r.mailbox = ?6))"                                                                  \
  " AND (?7 IS NULL OR EXISTS (SELECT 1 FROM recipient r WHERE r.message = m.id"                \
  "      AND substr(r.mailbox, -length(?7)) = ?7))"                                             \
  " AND (?8 IS NULL OR m.quarantined_by = ?8 OR (m.state < 3 AND EXISTS (SELECT 1 FROM alert a" \
  "      JOIN cordon c ON c.id = a.cordon WHERE a.id = ?8 AND c.kind <> 2"                      \
  "      AND c.origin = m.origin AND m.clearance < c.epoch)))"                                  \
  " AND (?9 IS NULL OR m.accepted_at < ?9)"                                                     \
  " AND (?10 IS NULL OR m.accepted_at > ?10)"                                                   \
  " AND (?11 IS NULL OR quarantined = 0 + ?11 AND m.state <> 1 OR ?11 = 0 AND m.state = 1)"     \
  " ORDER BY m.id LIMIT ?12"

inline constexpr const char* any_messages =
    "SELECT " CORDON_MESSAGE_COLUMNS
    " FROM message m CROSS JOIN origin o ON o.id = m.origin WHERE" CORDON_MESSAGE_CONDITIONS;
inline constexpr const char* unsettled_messages =
    "SELECT " CORDON_MESSAGE_COLUMNS
    " FROM message m INDEXED BY message_unsettled CROSS JOIN origin o ON o.id = m.origin"
    " WHERE m.state < 3 AND" CORDON_MESSAGE_CONDITIONS;
inline constexpr const char* one_message =
    "SELECT " CORDON_MESSAGE_COLUMNS
    " FROM message m JOIN origin o ON o.id = m.origin WHERE m.id = ?1";
#undef CORDON_MESSAGE_COLUMNS
#undef CORDON_MESSAGE_CONDITIONS

inline constexpr const char* recipients =
    "SELECT mailbox, domain, notify, orcpt, state, last_reply, settled_at, delay_told"
    " FROM recipient WHERE message = ?1 ORDER BY place";

// A piece of content, wherever it is: slot and octets, or the bytes.
inline constexpr const char* piece =
    "SELECT slot, octets, NULL FROM body_slot WHERE id = ?1"
    " UNION ALL SELECT NULL, NULL, bytes FROM body WHERE id = ?1";
inline constexpr const char* slot_of = "SELECT slot FROM body_slot WHERE id = ?1";

inline constexpr const char* all_origins =
    "SELECT id, label, first_seen_at, last_seen_at, cordon_epoch FROM origin ORDER BY id";
inline constexpr const char* one_origin =
    "SELECT id, label, first_seen_at, last_seen_at, cordon_epoch FROM origin WHERE id = ?1";
inline constexpr const char* identifiers =
    "SELECT kind, value, from_at, to_at FROM identifier WHERE origin = ?1 ORDER BY id";
inline constexpr const char* origin_by_identifier =
    "SELECT origin FROM identifier WHERE value = ?1 AND to_at IS NULL"
    " ORDER BY from_at DESC, id DESC LIMIT 1";

#define CORDON_ALERT_COLUMNS                                                              \
  "id, at, origin, bait, bait_kind, place, response, listener, session, reason, message," \
  " cordon, hits"
inline constexpr const char* one_alert = "SELECT " CORDON_ALERT_COLUMNS " FROM alert WHERE id = ?1";
inline constexpr const char* newest_alerts =
    "SELECT " CORDON_ALERT_COLUMNS " FROM alert ORDER BY id DESC LIMIT ?1";
inline constexpr const char* untold_alerts =
    "SELECT " CORDON_ALERT_COLUMNS " FROM alert WHERE told = 0 ORDER BY id";
#undef CORDON_ALERT_COLUMNS

#define CORDON_CORDON_COLUMNS                                                        \
  "id, kind, origin, alert, epoch, previous_epoch, raised_at, raised_up, lifted_at," \
  " withdrawn, warnings_done, warning_cursor, quarantined, committed_before"
inline constexpr const char* one_cordon =
    "SELECT " CORDON_CORDON_COLUMNS " FROM cordon WHERE id = ?1";
inline constexpr const char* newest_cordons =
    "SELECT " CORDON_CORDON_COLUMNS
    " FROM cordon WHERE ?1 OR lifted_at IS NULL ORDER BY id DESC LIMIT ?2";
#undef CORDON_CORDON_COLUMNS

inline constexpr const char* transcript =
    "SELECT session, at, from_client, text FROM transcript WHERE cordon = ?1 ORDER BY id LIMIT ?2";

#define CORDON_WARNING_COLUMNS "id, alert, recipient, certain, state, reason, notice, at"
inline constexpr const char* newest_warnings =
    "SELECT " CORDON_WARNING_COLUMNS " FROM warning ORDER BY id DESC LIMIT ?1";
inline constexpr const char* warnings_of_alert =
    "SELECT " CORDON_WARNING_COLUMNS
    " FROM warning INDEXED BY warning_alert WHERE alert = ?2 ORDER BY id DESC LIMIT ?1";
#undef CORDON_WARNING_COLUMNS
// Only those that went out: one that awaits a yes, or is suppressed, reached nobody.
inline constexpr const char* warnings_to =
    "SELECT count(*) FROM warning WHERE recipient = ?1 AND at >= ?2 AND state IN (0, 2)";
inline constexpr const char* warnings_sent =
    "SELECT count(*) FROM warning WHERE alert = ?1 AND state IN (0, 2)";

#define CORDON_BAIT_COLUMNS "id, kind, value, label, added_at, retired_at, retired_why, hits"
inline constexpr const char* active_baits =
    "SELECT " CORDON_BAIT_COLUMNS " FROM bait WHERE retired_at IS NULL ORDER BY id";
inline constexpr const char* baits_after =
    "SELECT " CORDON_BAIT_COLUMNS
    " FROM bait WHERE id > ?1 AND (?2 OR retired_at IS NULL) ORDER BY id LIMIT ?3";
#undef CORDON_BAIT_COLUMNS

inline constexpr const char* newest_audit =
    "SELECT id, at, uid, who, action, object, detail FROM audit ORDER BY id DESC LIMIT ?1";

inline constexpr const char* revocations =
    "SELECT r.mailbox, r.message, r.at, r.certain, m.accepted_at, m.sender, m.subject,"
    " m.message_id, m.reference_ids, m.digest"
    " FROM revocation r CROSS JOIN message m ON m.id = r.message"
    " WHERE r.origin = ?1 AND r.mailbox > ?2 AND r.at >= ?3 ORDER BY r.mailbox, r.message";
inline constexpr const char* revocations_to =
    "SELECT r.mailbox, r.message, r.at, r.certain, m.accepted_at, m.sender, m.subject,"
    " m.message_id, m.reference_ids, m.digest"
    " FROM revocation r CROSS JOIN message m ON m.id = r.message"
    " WHERE r.origin = ?1 AND r.mailbox = ?2 AND r.at >= ?3 ORDER BY r.message";
inline constexpr const char* count_committed =
    "SELECT count(DISTINCT message) FROM revocation WHERE origin = ?1 AND at >= ?2 AND certain = 1";

// In stretches of ids, so that no long read holds up the checkpoints.
inline constexpr const char* highest_message = "SELECT coalesce(max(id), 0) FROM message";
inline constexpr const char* next_message =
    "SELECT coalesce(min(id), 0) FROM message WHERE id > ?1";
inline constexpr const char* senders_seen =
    "SELECT sender, sender_domain FROM message WHERE id > ?1 AND id <= ?2"
    " AND kind = 0 AND sender IS NOT NULL AND accepted_at >= ?3";
inline constexpr const char* recipients_seen =
    "SELECT r.mailbox, r.domain FROM message m CROSS JOIN recipient r ON r.message = m.id"
    " WHERE m.id > ?1 AND m.id <= ?2 AND m.kind = 0 AND m.accepted_at >= ?3";

}  // namespace cordon::store::sql
