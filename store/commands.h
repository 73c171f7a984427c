// Carries out one command within the transaction that is open on `db`. What contradicts the stored
// state throws Contradiction, and what the engine refuses SqliteError; in both cases the
// transaction (or savepoint) must be rolled back, since the command may be half done.
#pragma once

#include <stdexcept>

#include "store/placed_body.h"
#include "store/sqlite.h"
#include "store/store.h"

namespace cordon::store {

class Contradiction : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  Contradiction(const char* what, std::int64_t id)
      : std::runtime_error(std::string(what) + " " + std::to_string(id)) {}
};

// Identifiers above this do not fit the row ids of body and body_slot.
inline constexpr std::int64_t max_message_id = (std::int64_t{1} << 47) - 1;
inline constexpr std::uint32_t max_pieces = 1U << 16U;
constexpr std::int64_t body_row(MessageId message, std::uint32_t piece) {
  return (static_cast<std::int64_t>(message) << 16) | piece;
}

// What a batch brings along and brings about beside its rows.
struct Effects {
  Answer answer;
  std::vector<PlacedBody> placed;  // content of its Accepts that is in slots and synced
  std::vector<Slot> freed;         // slots whose rows it deletes: free once that is committed
};

// Throws Contradiction if no content can be so.
void check_piece(MessageId message, std::uint32_t piece, std::size_t octets);

void apply(Database& db, const Command& command, Effects& effects);

// One overload a command, by group.
inline void apply_to(Database&, const AppendBody&, Effects&) {}  // the content writer's
inline void apply_to(Database&, const DropBody&, Effects&) {}    // likewise
void apply_to(Database& db, const Accept& command, Effects& effects);
void apply_to(Database& db, const Claim& command, Effects& effects);
void apply_to(Database& db, const RecordAttempt& command, Effects& effects);
void apply_to(Database& db, const Unclaim& command, Effects& effects);
void apply_to(Database& db, const MarkUncertain& command, Effects& effects);
void apply_to(Database& db, const Freeze& command, Effects& effects);
void apply_to(Database& db, const Release& command, Effects& effects);
void apply_to(Database& db, const DeleteMessage& command, Effects& effects);
void apply_to(Database& db, const SealCredentials& command, Effects& effects);
void apply_to(Database& db, const DropCredentials& command, Effects& effects);

void apply_to(Database& db, const AddOrigin& command, Effects& effects);
void apply_to(Database& db, const AddIdentifier& command, Effects& effects);
void apply_to(Database& db, const EndIdentifier& command, Effects& effects);
void apply_to(Database& db, const TouchOrigin& command, Effects& effects);
void apply_to(Database& db, const RaiseAlert& command, Effects& effects);
void apply_to(Database& db, const AddCordon& command, Effects& effects);
void apply_to(Database& db, const MarkTold& command, Effects& effects);
void apply_to(Database& db, const CountHit& command, Effects& effects);
void apply_to(Database& db, const SetAlertResponse& command, Effects& effects);
void apply_to(Database& db, const LiftCordon& command, Effects& effects);
void apply_to(Database& db, const CountCordon& command, Effects& effects);
void apply_to(Database& db, const AddTranscript& command, Effects& effects);
void apply_to(Database& db, const AddWarnings& command, Effects& effects);
void apply_to(Database& db, const SetWarning& command, Effects& effects);
void apply_to(Database& db, const AddBaits& command, Effects& effects);
void apply_to(Database& db, const RetireBaits& command, Effects& effects);
void apply_to(Database& db, const AddAudit& command, Effects& effects);

void apply_to(Database& db, const SaveUptime& command, Effects& effects);
void apply_to(Database& db, const Prune& command, Effects& effects);

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
