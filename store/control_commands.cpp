// Origins, alerts, cordons, warnings, baits, and the audit trail.
#include "store/commands.h"
#include "store/control_sql.h"
#include "store/message_sql.h"

namespace cordon::store {
namespace {

void insert_identifier(Database& db, OriginId origin, const Identifier& identifier) {
  db.query(sql::insert_identifier)
      .with(origin, identifier.kind, identifier.value, identifier.valid_from, identifier.valid_to)
      .run();
}

void insert_cordon(Database& db, const Cordon& c) {
  db.query(sql::insert_cordon)
      .with(c.id, c.kind, c.origin, c.alert, c.epoch, c.previous_epoch, c.raised_at, c.raised_up,
            c.lifted_at, c.withdrawn, c.warnings_done, c.warning_cursor, c.quarantined,
            c.committed_before)
      .run();
}

void raise_cordon(Database& db, const Cordon& cordon) {
  insert_cordon(db, cordon);
  if (cordon.kind != CordonKind::enforced) return;
  db.query(sql::set_cordon_epoch).with(cordon.origin, cordon.epoch).run();
  require_change(db, "no such origin:", cordon.origin);
}

}  // namespace

void apply_to(Database& db, const AddOrigin& c, Effects&) {
  const Origin& o = c.origin;
  db.query(sql::insert_origin).with(o.id, o.label, o.first_seen, o.last_seen, o.cordon_epoch).run();
  for (const Identifier& identifier : o.identifiers) insert_identifier(db, o.id, identifier);
}

void apply_to(Database& db, const AddIdentifier& c, Effects&) {
  require_row(db, sql::origin_exists, "no such origin:", c.origin);
  insert_identifier(db, c.origin, c.identifier);
}

void apply_to(Database& db, const EndIdentifier& c, Effects&) {
  db.query(sql::end_identifier).with(c.origin, c.kind, c.value, c.at).run();
  require_change(db, "no such identifier in force, origin", c.origin);
}

void apply_to(Database& db, const TouchOrigin& c, Effects&) {
  db.query(sql::touch_origin).with(c.origin, c.seen).run();
  require_change(db, "no such origin:", c.origin);
}

void apply_to(Database& db, const RaiseAlert& c, Effects&) {
  const Alert& a = c.alert;
  db.query(sql::insert_alert)
      .with(a.id, a.at, a.origin, a.bait, a.bait_kind, a.place, a.response, a.listener, a.session,
            a.reason, a.message, a.cordon, a.hits)
      .run();
  // An alert is never refused for a bait that is gone.
  if (a.bait != BaitId{}) db.query(sql::count_bait_hit).with(a.bait, a.hits).run();
  if (c.cordon) raise_cordon(db, *c.cordon);
}

void apply_to(Database& db, const AddCordon& c, Effects&) {
  db.query(sql::set_alert_cordon).with(c.cordon.alert, c.cordon.id).run();
  require_change(db, "no such alert:", c.cordon.alert);
  raise_cordon(db, c.cordon);
}

void apply_to(Database& db, const MarkTold& c, Effects&) {
  db.query(sql::mark_told).with(c.alert).run();
  require_change(db, "no such alert:", c.alert);
}

void apply_to(Database& db, const CountHit& c, Effects&) {
  db.query(sql::count_alert_hit).with(c.alert, c.times).run();
  require_change(db, "no such alert:", c.alert);
  if (c.bait != BaitId{}) db.query(sql::count_bait_hit).with(c.bait, c.times).run();
}

void apply_to(Database& db, const SetAlertResponse& c, Effects&) {
  db.query(sql::set_alert_response).with(c.alert, c.response, c.reason, c.message).run();
  require_change(db, "no such alert:", c.alert);
}

void apply_to(Database& db, const LiftCordon& c, Effects&) {
  CordonKind kind{};
  OriginId origin{};
  Epoch epoch = 0;
  Epoch previous = 0;
  {
    Query cordon = db.query(sql::cordon_to_lift);
    if (!cordon.with(c.cordon).step()) {
      throw Contradiction("no unlifted cordon", static_cast<std::int64_t>(c.cordon));
    }
    kind = cordon.as<CordonKind>(0);
    origin = cordon.as<OriginId>(1);
    epoch = cordon.integer(2);
    previous = cordon.integer(3);
  }
  db.query(sql::lift_cordon).with(c.cordon, c.at, c.withdrawn).run();
  if (c.withdrawn && kind == CordonKind::enforced) {
    db.query(sql::restore_epoch).with(origin, epoch, previous).run();
    db.query(sql::skip_withdrawn).with(origin, epoch, previous).run();
  }
}

void apply_to(Database& db, const CountCordon& c, Effects&) {
  db.query(sql::count_cordon).with(c.cordon, c.quarantined, c.committed_before).run();
  require_change(db, "no such cordon:", c.cordon);
}

void apply_to(Database& db, const AddTranscript& c, Effects&) {
  CordonId known{};
  for (const TranscriptLine& line : c.lines) {
    if (line.cordon != known) require_row(db, sql::cordon_exists, "no such cordon:", line.cordon);
    known = line.cordon;
    db.query(sql::insert_transcript)
        .with(line.cordon, line.session, line.at, line.from_client, line.text)
        .run();
  }
}

void apply_to(Database& db, const AddWarnings& c, Effects&) {
  for (const Warning& w : c.warnings) {
    db.query(sql::insert_warning)
        .with(w.id, w.alert, w.recipient, w.certain, w.state, w.reason, w.notice, w.at)
        .run();
  }
  db.query(sql::move_warning_cursor).with(c.cordon, c.cursor, c.done, c.after).run();
  require_change(db, "no such cordon, or its warnings go on from elsewhere:", c.cordon);
}

void apply_to(Database& db, const SetWarning& c, Effects&) {
  db.query(sql::set_warning).with(c.warning, c.state, c.reason, c.notice).run();
  require_change(db, "no such warning:", c.warning);
}

void apply_to(Database& db, const AddBaits& c, Effects&) {
  for (const BaitRow& row : c.baits) {
    db.query(sql::insert_bait)
        .with(row.bait.id, row.bait.kind, row.bait.value, row.bait.label, row.added_at,
              row.retired_at, row.retired_why, row.hits)
        .run();
  }
}

void apply_to(Database& db, const RetireBaits& c, Effects&) {
  for (const BaitId bait : c.baits) {
    db.query(sql::retire_bait).with(bait, c.at, c.why).run();
    require_change(db, "no active bait", bait);
  }
}

void apply_to(Database& db, const AddAudit& c, Effects&) {
  const AuditEntry& e = c.entry;
  db.query(sql::insert_audit).with(e.at, e.uid, e.who, e.action, e.object, e.detail).run();
}

}  // namespace cordon::store
