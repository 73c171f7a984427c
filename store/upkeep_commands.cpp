// Uptime and forgetting; and the way from a command to its own function.
#include "store/commands.h"
#include "store/upkeep_sql.h"

namespace cordon::store {
namespace {

struct OldMessage {
  MessageId id{};
  OriginId origin{};
};

std::vector<OldMessage> messages_to_forget(Database& db, const Prune& c) {
  std::vector<OldMessage> old;
  Query query = db.query(sql::messages_to_forget);
  query.with(c.before, c.limit);
  while (query.step()) old.push_back({query.as<MessageId>(0), query.as<OriginId>(1)});
  return old;
}

}  // namespace

void apply_to(Database& db, const SaveUptime& c, Effects&) {
  db.query(sql::save_uptime).with(c.now).run();
}

void apply_to(Database& db, const Prune& c, Effects&) {
  for (const OldMessage& message : messages_to_forget(db, c)) {
    db.query(sql::forget_revocations).with(message.id, message.origin).run();
    db.query(sql::forget_recipients).with(message.id).run();
    db.query(sql::forget_message).with(message.id).run();
  }
  db.query(sql::forget_transcripts).with(c.before, c.limit).run();
  db.query(sql::forget_audit).with(c.before, c.limit).run();
}

void apply(Database& db, const Command& command, Effects& effects) {
  std::visit([&](const auto& c) { apply_to(db, c, effects); }, command);
}

}  // namespace cordon::store
