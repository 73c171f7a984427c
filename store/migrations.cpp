#include "store/migrations.h"

#include <array>
#include <string>

namespace cordon::store {
namespace {

// All times are milliseconds: since 1970 for *_at, of observed uptime for *_up and due.
// Enumerations are stored as the numbers of store/types.h.
constexpr const char* version_1 = R"sql(
-- One row. gateway_id tells this gateway's state from that of others, should a fleet ever share it.
CREATE TABLE gateway (
  one         INTEGER PRIMARY KEY CHECK (one = 1),
  gateway_id  TEXT NOT NULL,
  uptime      INTEGER NOT NULL
);
INSERT INTO gateway VALUES (1, lower(hex(randomblob(16))), 0);

-- The next identifier of each kind that was never given out.
CREATE TABLE id_mark (kind INTEGER PRIMARY KEY, next INTEGER NOT NULL);
INSERT INTO id_mark VALUES (0, 1), (1, 2), (2, 1), (3, 1), (4, 1), (5, 1);

CREATE TABLE origin (
  id            INTEGER PRIMARY KEY,
  label         TEXT NOT NULL,
  first_seen_at INTEGER NOT NULL,
  last_seen_at  INTEGER NOT NULL,
  cordon_epoch  INTEGER NOT NULL
);
INSERT INTO origin VALUES (1, 'cordond', 0, 0, 0);  -- the gateway's own notices

CREATE TABLE identifier (
  id       INTEGER PRIMARY KEY,
  origin   INTEGER NOT NULL,
  kind     INTEGER NOT NULL,
  value    TEXT NOT NULL,
  from_at  INTEGER NOT NULL,
  to_at    INTEGER
);
CREATE INDEX identifier_origin ON identifier (origin);
CREATE INDEX identifier_in_force ON identifier (value) WHERE to_at IS NULL;

-- A mailbox is kept in its normal form (the domain in lower case), which searches and the order of
-- warnings use; *_domain has the domain as written where that differs.
CREATE TABLE message (
  id             INTEGER PRIMARY KEY,
  kind           INTEGER NOT NULL,
  state          INTEGER NOT NULL,
  origin         INTEGER NOT NULL,
  listener       TEXT NOT NULL,
  session        TEXT NOT NULL,
  accepted_at    INTEGER NOT NULL,
  accepted_up    INTEGER NOT NULL,
  due            INTEGER NOT NULL,
  clearance      INTEGER NOT NULL,
  quarantined_by INTEGER NOT NULL,
  frozen         INTEGER NOT NULL,
  attempts       INTEGER NOT NULL,
  settled_at     INTEGER,
  sender         TEXT,            -- NULL: the null reverse path
  sender_domain  TEXT,
  declared_size  INTEGER,
  body_type      INTEGER NOT NULL,
  smtputf8       INTEGER NOT NULL,
  ret            INTEGER NOT NULL,
  envid          TEXT NOT NULL,
  trace          TEXT NOT NULL,
  octets         INTEGER NOT NULL,
  digest         BLOB NOT NULL,
  subject        TEXT NOT NULL,
  message_id     TEXT NOT NULL,
  reference_ids  TEXT NOT NULL
);
CREATE INDEX message_unsettled ON message (id) WHERE state < 3;
CREATE INDEX message_settled ON message (settled_at, origin) WHERE settled_at IS NOT NULL;

CREATE TABLE recipient (
  message      INTEGER NOT NULL,
  place        INTEGER NOT NULL,  -- in the order of the RCPT commands, from 0
  mailbox      TEXT NOT NULL,
  domain       TEXT,
  notify       INTEGER NOT NULL,
  orcpt        TEXT NOT NULL,
  state        INTEGER NOT NULL,
  last_reply   TEXT NOT NULL,
  settled_at   INTEGER,
  PRIMARY KEY (message, place)
) WITHOUT ROWID;

-- Content, in pieces: id = message << 16 | piece. No other index, so that a body costs one write.
CREATE TABLE body (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
-- Messages with more than one piece that are not accepted yet, and how many pieces there are.
CREATE TABLE open_body (message INTEGER PRIMARY KEY, pieces INTEGER NOT NULL);

-- Who has got, or may have got, mail of an origin (BESIDES 4.3), in the order in which warnings are
-- written. The rest of the revocation record is in message.
CREATE TABLE revocation (
  origin   INTEGER NOT NULL,
  mailbox  TEXT NOT NULL,
  message  INTEGER NOT NULL,
  at       INTEGER NOT NULL,      -- committed; accepted, if not certain
  certain  INTEGER NOT NULL,
  PRIMARY KEY (origin, mailbox, message)
) WITHOUT ROWID;

CREATE TABLE bait (
  id          INTEGER PRIMARY KEY,
  kind        INTEGER NOT NULL,
  value       TEXT NOT NULL,
  label       TEXT NOT NULL,
  added_at    INTEGER NOT NULL,
  retired_at  INTEGER,
  retired_why TEXT NOT NULL,
  hits        INTEGER NOT NULL
);

CREATE TABLE alert (
  id        INTEGER PRIMARY KEY,
  at        INTEGER NOT NULL,
  origin    INTEGER NOT NULL,
  bait      INTEGER NOT NULL,
  bait_kind INTEGER NOT NULL,
  place     INTEGER NOT NULL,
  response  INTEGER NOT NULL,
  listener  TEXT NOT NULL,
  session   TEXT NOT NULL,
  reason    TEXT NOT NULL,
  message   INTEGER NOT NULL,
  cordon    INTEGER NOT NULL,
  hits      INTEGER NOT NULL,
  told      INTEGER NOT NULL DEFAULT 0  -- the operators have a report of it
);
CREATE INDEX alert_untold ON alert (id) WHERE told = 0;

CREATE TABLE cordon (
  id               INTEGER PRIMARY KEY,
  kind             INTEGER NOT NULL,
  origin           INTEGER NOT NULL,
  alert            INTEGER NOT NULL,
  epoch            INTEGER NOT NULL,
  previous_epoch   INTEGER NOT NULL,
  raised_at        INTEGER NOT NULL,
  raised_up        INTEGER NOT NULL,
  lifted_at        INTEGER,
  withdrawn        INTEGER NOT NULL,
  warnings_done    INTEGER NOT NULL,
  warning_cursor   TEXT NOT NULL,
  quarantined      INTEGER NOT NULL,
  committed_before INTEGER NOT NULL
);
CREATE INDEX cordon_origin ON cordon (origin);
CREATE INDEX cordon_epoch ON cordon (epoch);

CREATE TABLE transcript (
  id          INTEGER PRIMARY KEY,
  cordon      INTEGER NOT NULL,
  session     TEXT NOT NULL,
  at          INTEGER NOT NULL,
  from_client INTEGER NOT NULL,
  text        TEXT NOT NULL
);
CREATE INDEX transcript_cordon ON transcript (cordon);

CREATE TABLE warning (
  id        INTEGER PRIMARY KEY,
  alert     INTEGER NOT NULL,
  recipient TEXT NOT NULL,
  certain   INTEGER NOT NULL,
  state     INTEGER NOT NULL,
  reason    TEXT NOT NULL,
  notice    INTEGER NOT NULL,
  at        INTEGER NOT NULL
);
CREATE INDEX warning_alert ON warning (alert);
CREATE INDEX warning_recipient ON warning (recipient, at);
CREATE INDEX warning_open ON warning (alert) WHERE state < 2;

CREATE TABLE audit (
  id     INTEGER PRIMARY KEY AUTOINCREMENT,
  at     INTEGER NOT NULL,
  uid    INTEGER NOT NULL,
  who    TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL
);
CREATE INDEX audit_at ON audit (at);
)sql";

// Content from now on is in slots of a file of its own (store/slot_file.h), but for short ones and
// short ends of long ones, which stay in body. What an unaccepted message has is known in memory.
constexpr const char* version_2 = R"sql(
DELETE FROM body WHERE id IN (SELECT b.id FROM open_body o CROSS JOIN body b
  ON b.id BETWEEN o.message << 16 AND (o.message << 16) + 65535);
DROP TABLE open_body;
-- A piece of content that is in a slot: id = message << 16 | piece.
CREATE TABLE body_slot (
  id     INTEGER PRIMARY KEY,
  slot   INTEGER NOT NULL,
  octets INTEGER NOT NULL
);
)sql";

// Each recipient's sender is told once that the message is late.
constexpr const char* version_3 = R"sql(
ALTER TABLE recipient ADD COLUMN delay_told INTEGER NOT NULL DEFAULT 0;
)sql";

// What a client said of itself, and as whom its mail must be delivered. The sealed credentials of a
// message are of no use without its key, which is kept elsewhere (store/key_file.h).
constexpr const char* version_4 = R"sql(
ALTER TABLE message ADD COLUMN client TEXT NOT NULL DEFAULT '';
ALTER TABLE message ADD COLUMN login TEXT NOT NULL DEFAULT '';
CREATE INDEX message_login ON message (listener, login, id) WHERE state < 3 AND login <> '';
CREATE TABLE credential (message INTEGER PRIMARY KEY, sealed BLOB NOT NULL);
)sql";

constexpr std::array<const char*, 4> texts{version_1, version_2, version_3, version_4};

}  // namespace

std::span<const char* const> migrations() { return texts; }

int newest_version() { return static_cast<int>(texts.size()); }

void migrate(Database& db, int version) {
  for (auto have = db.value("PRAGMA user_version"); have < version;) {
    Transaction transaction(db, Transaction::Kind::write);
    db.execute(texts[static_cast<std::size_t>(have)]);
    ++have;
    db.execute(("PRAGMA user_version = " + std::to_string(have)).c_str());
    transaction.commit();
  }
}

}  // namespace cordon::store
