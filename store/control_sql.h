// The statements that change origins, alerts, cordons, warnings, baits and the audit trail. None of
// them walks over messages: an alert costs the same however much is held.
#pragma once

#include <array>

namespace cordon::store::sql {

inline constexpr const char* insert_origin =
    "INSERT INTO origin (id, label, first_seen_at, last_seen_at, cordon_epoch)"
    " VALUES (?1, ?2, ?3, ?4, ?5)";
inline constexpr const char* insert_identifier =
    "INSERT INTO identifier (origin, kind, value, from_at, to_at) VALUES (?1, ?2, ?3, ?4, ?5)";
inline constexpr const char* end_identifier =
    "UPDATE identifier SET to_at = ?4"
    " WHERE origin = ?1 AND kind = ?2 AND value = ?3 AND to_at IS NULL";
inline constexpr const char* touch_origin =
    "UPDATE origin SET last_seen_at = max(last_seen_at, ?2) WHERE id = ?1";

inline constexpr const char* insert_alert =
    "INSERT INTO alert (id, at, origin, bait, bait_kind, place, response, listener, session, "
    "reason,"
    " message, cordon, hits) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
inline constexpr const char* count_alert_hit = "UPDATE alert SET hits = hits + ?2 WHERE id = ?1";
inline constexpr const char* count_bait_hit = "UPDATE bait SET hits = hits + ?2 WHERE id = ?1";
inline constexpr const char* set_alert_response =
    "UPDATE alert SET response = ?2, reason = ?3, message = CASE ?4 WHEN 0 THEN message ELSE ?4 END"
    " WHERE id = ?1";

inline constexpr const char* set_alert_cordon = "UPDATE alert SET cordon = ?2 WHERE id = ?1";
inline constexpr const char* mark_told = "UPDATE alert SET told = 1 WHERE id = ?1";

inline constexpr const char* insert_cordon =
    "INSERT INTO cordon (id, kind, origin, alert, epoch, previous_epoch, raised_at, raised_up,"
    " lifted_at, withdrawn, warnings_done, warning_cursor, quarantined, committed_before)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";
inline constexpr const char* set_cordon_epoch = "UPDATE origin SET cordon_epoch = ?2 WHERE id = ?1";

inline constexpr const char* cordon_to_lift =
    "SELECT kind, origin, epoch, previous_epoch FROM cordon WHERE id = ?1 AND lifted_at IS NULL";
inline constexpr const char* lift_cordon =
    "UPDATE cordon SET lifted_at = ?2, withdrawn = ?3 WHERE id = ?1";
inline constexpr const char* restore_epoch =
    "UPDATE origin SET cordon_epoch = ?3 WHERE id = ?1 AND cordon_epoch = ?2";
// A later cordon of the origin must not go back to one that was withdrawn before it.
inline constexpr const char* skip_withdrawn =
    "UPDATE cordon SET previous_epoch = ?3"
    " WHERE origin = ?1 AND previous_epoch = ?2 AND lifted_at IS NULL";
inline constexpr const char* count_cordon =
    "UPDATE cordon SET quarantined = quarantined + ?2, committed_before = committed_before + ?3"
    " WHERE id = ?1";
inline constexpr const char* move_warning_cursor =
    "UPDATE cordon SET warning_cursor = ?2, warnings_done = ?3"
    " WHERE id = ?1 AND warning_cursor = ?4 AND warnings_done = 0";

inline constexpr const char* cordon_exists = "SELECT 1 FROM cordon WHERE id = ?1";
inline constexpr const char* insert_transcript =
    "INSERT INTO transcript (cordon, session, at, from_client, text) VALUES (?1, ?2, ?3, ?4, ?5)";

inline constexpr const char* insert_warning =
    "INSERT INTO warning (id, alert, recipient, certain, state, reason, notice, at)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
inline constexpr const char* set_warning =
    "UPDATE warning SET state = ?2, reason = ?3, notice = ?4 WHERE id = ?1";

inline constexpr const char* insert_bait =
    "INSERT INTO bait (id, kind, value, label, added_at, retired_at, retired_why, hits)"
    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
inline constexpr const char* retire_bait =
    "UPDATE bait SET retired_at = ?2, retired_why = ?3 WHERE id = ?1 AND retired_at IS NULL";

inline constexpr const char* insert_audit =
    "INSERT INTO audit (at, uid, who, action, object, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

// What RaiseAlert and LiftCordon run; a test reads their query plans.
inline constexpr std::array alert_statements{insert_alert,     count_bait_hit, insert_cordon,
                                             set_cordon_epoch, cordon_to_lift, lift_cordon,
                                             restore_epoch,    skip_withdrawn};

}  // namespace cordon::store::sql
