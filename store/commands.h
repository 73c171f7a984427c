// Carries out one command within the transaction that is open on `db`. What contradicts the stored
// state throws Contradiction, and what the engine refuses SqliteError; in both cases the
// transaction (or savepoint) must be rolled back, since the command may be half done.
#pragma once

#include <stdexcept>

#include "store/sqlite.h"
#include "store/store.h"

namespace cordon::store {

class Contradiction : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  Contradiction(const char* what, std::int64_t id)
      : std::runtime_error(std::string(what) + " " + std::to_string(id)) {}
};

// Identifiers above this do not fit the row ids of body.
inline constexpr std::int64_t max_message_id = (std::int64_t{1} << 47) - 1;
inline constexpr std::uint32_t max_pieces = 1U << 16U;
constexpr std::int64_t body_row(MessageId message, std::uint32_t piece) {
  return (static_cast<std::int64_t>(message) << 16) | piece;
}

void apply(Database& db, const Command& command, Answer& answer);

// Clears away the pieces of messages that were never accepted.
void drop_open_bodies(Database& db);

// One overload a command, by group.
void apply_to(Database& db, const AppendBody& command, Answer& answer);
void apply_to(Database& db, const DropBody& command, Answer& answer);
void apply_to(Database& db, const Accept& command, Answer& answer);
void apply_to(Database& db, const Claim& command, Answer& answer);
void apply_to(Database& db, const RecordAttempt& command, Answer& answer);
void apply_to(Database& db, const Unclaim& command, Answer& answer);
void apply_to(Database& db, const MarkUncertain& command, Answer& answer);
void apply_to(Database& db, const Freeze& command, Answer& answer);
void apply_to(Database& db, const Release& command, Answer& answer);
void apply_to(Database& db, const DeleteMessage& command, Answer& answer);

void apply_to(Database& db, const AddOrigin& command, Answer& answer);
void apply_to(Database& db, const AddIdentifier& command, Answer& answer);
void apply_to(Database& db, const EndIdentifier& command, Answer& answer);
void apply_to(Database& db, const TouchOrigin& command, Answer& answer);
void apply_to(Database& db, const RaiseAlert& command, Answer& answer);
void apply_to(Database& db, const AddCordon& command, Answer& answer);
void apply_to(Database& db, const MarkTold& command, Answer& answer);
void apply_to(Database& db, const CountHit& command, Answer& answer);
void apply_to(Database& db, const SetAlertResponse& command, Answer& answer);
void apply_to(Database& db, const LiftCordon& command, Answer& answer);
void apply_to(Database& db, const CountCordon& command, Answer& answer);
void apply_to(Database& db, const AddTranscript& command, Answer& answer);
void apply_to(Database& db, const AddWarnings& command, Answer& answer);
void apply_to(Database& db, const SetWarning& command, Answer& answer);
void apply_to(Database& db, const AddBaits& command, Answer& answer);
void apply_to(Database& db, const RetireBaits& command, Answer& answer);
void apply_to(Database& db, const AddAudit& command, Answer& answer);

void apply_to(Database& db, const SaveUptime& command, Answer& answer);
void apply_to(Database& db, const Prune& command, Answer& answer);

// Throws unless the last statement changed a row.
inline void require_change(const Database& db, const char* what, std::int64_t id) {
  if (db.changes() == 0) throw Contradiction(what, id);
}
template <typename Id>
void require_change(const Database& db, const char* what, Id id) {
  require_change(db, what, static_cast<std::int64_t>(id));
}
// Throws unless `sql` finds a row for `id`.
template <typename Id>
void require_row(Database& db, const char* sql, const char* what, Id id) {
  if (!db.query(sql).with(id).step()) throw Contradiction(what, static_cast<std::int64_t>(id));
}

}  // namespace cordon::store
