// The statements that keep the store itself: uptime, identifiers, and forgetting what is old.
#pragma once

namespace cordon::store::sql {

inline constexpr const char* save_uptime = "UPDATE gateway SET uptime = ?1";
inline constexpr const char* gateway_id = "SELECT gateway_id FROM gateway";
inline constexpr const char* id_marks = "SELECT kind, next FROM id_mark";
inline constexpr const char* set_id_mark = "UPDATE id_mark SET next = ?2 WHERE kind = ?1";

// Messages of a cordon that is not lifted, or whose recipients still wait for their warning, stay.
inline constexpr const char* messages_to_forget =
    "SELECT id, origin FROM message INDEXED BY message_settled"
    " WHERE settled_at < ?1"
    " AND NOT EXISTS (SELECT 1 FROM cordon WHERE origin = 0 AND lifted_at IS NULL)"
    " AND origin NOT IN ("
    "   SELECT origin FROM cordon WHERE lifted_at IS NULL"
    "     OR (kind = 0 AND withdrawn = 0 AND warnings_done = 0)"
    "   UNION SELECT a.origin FROM warning w INDEXED BY warning_open JOIN alert a ON a.id = w.alert"
    "     WHERE w.state < 2)"
    " LIMIT ?2";
inline constexpr const char* forget_revocations =
    "DELETE FROM revocation WHERE origin = ?2 AND message = ?1"
    " AND mailbox IN (SELECT mailbox FROM recipient WHERE message = ?1)";
inline constexpr const char* forget_recipients = "DELETE FROM recipient WHERE message = ?1";
inline constexpr const char* forget_message = "DELETE FROM message WHERE id = ?1";
inline constexpr const char* forget_transcripts =
    "DELETE FROM transcript WHERE id IN (SELECT t.id FROM cordon c CROSS JOIN transcript t"
    " ON t.cordon = c.id WHERE c.lifted_at IS NOT NULL AND t.at < ?1 LIMIT ?2)";
inline constexpr const char* forget_audit =
    "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE at < ?1 ORDER BY at LIMIT ?2)";

}  // namespace cordon::store::sql
