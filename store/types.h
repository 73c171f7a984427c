// The things that must survive, as values. Shared by the store, the policy and the daemon.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "baits/bait.h"
#include "smtp/client_dialogue.h"
#include "smtp/envelope.h"

namespace cordon::store {

// Strong identifiers. All count up from 1 and are never reused, also not after deletion.
enum class MessageId : std::int64_t {};
enum class OriginId : std::int64_t {};
enum class AlertId : std::int64_t {};   // 0: none
enum class CordonId : std::int64_t {};  // 0: none
enum class WarningId : std::int64_t {};
using baits::BaitId;

inline constexpr OriginId everything{0};   // what a review of all mail applies to
inline constexpr OriginId the_gateway{1};  // the origin of Cordon's own notices

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

// Time that Cordon itself has seen pass, over all its runs: neither a reboot, nor time spent down,
// nor a step of the wall clock moves it. All ages of held mail are told in it.
struct ObservedUptime {
  using duration = std::chrono::milliseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<ObservedUptime, duration>;
};
using Uptime = ObservedUptime::time_point;

// A point in the count of cordons. A message carries the epoch at which it was last cleared; it is
// in quarantine exactly while that is below its origin's cordon_epoch. So raising a cordon, and
// withdrawing one that was a mistake, cost the same however much is held.
using Epoch = std::int64_t;
inline constexpr Epoch released = INT64_MAX;  // an operator let it go: no cordon holds it back

// ---- origins

enum class IdentifierKind : std::uint8_t { ipv4, ipv6, mac, auth_user, agent };

struct Identifier {
  IdentifierKind kind = IdentifierKind::ipv4;
  std::string value;  // "192.0.2.7", "2001:db8::1", "aa:bb:cc:dd:ee:ff", a user name
  WallTime valid_from;
  std::optional<WallTime> valid_to;  // open while it is in force
};

// Who sent it: an entity, known by identifiers that come and go.
struct Origin {
  OriginId id{};
  std::string label;  // for people; the first identifier unless told otherwise
  WallTime first_seen;
  WallTime last_seen;
  Epoch cordon_epoch = 0;  // 0: never cordoned
  std::vector<Identifier> identifiers;
};

// ---- messages

enum class MessageKind : std::uint8_t { mail, bounce, warning, report };  // all but mail are ours

enum class MessageState : std::uint8_t {
  held,       // waits for its time, or for a retry
  claimed,    // is about to leave, or has left unrecorded: the durable claim
  uncertain,  // may have left: claimed when the gateway died, or its final dot was not answered
  committed,  // every recipient is settled, at least one has it
  failed,     // every recipient is settled, none has it
  deleted,    // an operator deleted it
};

using Digest = std::array<std::uint8_t, 32>;  // SHA-256 of the content as received

struct Message {
  MessageId id{};
  MessageKind kind = MessageKind::mail;
  MessageState state = MessageState::held;
  OriginId origin{};
  std::string listener;  // name of the listener that accepted it; picks the route
  std::string session;   // session id, for logs and the audit
  WallTime accepted_at;
  Uptime accepted_up;
  Uptime due;  // earliest next try
  Epoch clearance = 0;
  AlertId quarantined_by{};  // this one message alone is in quarantine; 0: not so
  bool frozen = false;       // held back by an operator
  std::uint32_t attempts = 0;
  smtp::Envelope envelope;
  std::string trace;         // the Received field, CRLF at its end; goes in front of the content
  std::uint64_t octets = 0;  // of the content, without trace
  Digest digest{};
  // What the header said, cleaned and cut (smtp/notice/header_scan.h); empty if absent.
  std::string subject;
  std::string message_id;
  std::string references;
  std::string client;  // who sent it, as attributes of XCLIENT; empty: not known
  std::string login;   // as whom it must be delivered; empty: as its route says
};

enum class RecipientState : std::uint8_t { pending, delivered, failed, suppressed };

// A row of one message for one recipient; index is the place in envelope.recipients.
struct RecipientStatus {
  std::uint32_t index = 0;
  RecipientState state = RecipientState::pending;
  std::string last_reply;  // "250 2.0.0 Ok: queued", one line
  std::optional<WallTime> settled_at;
  bool delay_told = false;  // the sender has been told that it is late
};

// ---- alerts and cordons

enum class ViolationPlace : std::uint8_t { mail_from, rcpt_to, by_operator, auth };

// What was done about a violation (docs/architecture.md, "Safety rules").
enum class Response : std::uint8_t {
  observed,            // mode observe or hold: only reported, with what would have been
  quarantine_message,  // null or automatic sender, or a shared origin: this message alone
  cordon,              // the origin is cordoned
  review,              // too much at once: held for a person to decide, nothing quarantined
};

struct Alert {
  AlertId id{};
  WallTime at;
  OriginId origin{};
  BaitId bait{};  // 0 if by an operator
  baits::BaitKind bait_kind = baits::BaitKind::address;
  ViolationPlace place = ViolationPlace::rcpt_to;
  Response response = Response::observed;
  std::string listener;
  std::string session;
  std::string reason;      // one sentence, names the rule that chose the response
  MessageId message{};     // the message of the transaction, if it became one; 0 if not
  CordonId cordon{};       // the cordon it raised or belongs to; 0 if none
  std::uint32_t hits = 1;  // violations counted into this alert
};

enum class CordonKind : std::uint8_t {
  enforced,  // nothing of the origin leaves; held mail is in quarantine; recipients are warned
  shadow,    // observe and hold modes: only counts what an enforced one would have done
  review,    // nothing leaves until a person decides; nothing is quarantined, no one is warned
};

struct Cordon {
  CordonId id{};
  CordonKind kind = CordonKind::enforced;
  OriginId origin{};  // `everything` for a review of all mail
  AlertId alert{};
  Epoch epoch = 0;
  Epoch previous_epoch = 0;  // the origin's before; a withdrawal goes back to it
  WallTime raised_at;
  Uptime raised_up;
  std::optional<WallTime> lifted_at;
  bool withdrawn = false;  // lifted as a mistake: what it held flows on
  bool warnings_done = false;
  std::string warning_cursor;  // last recipient (normal form) whose warning is written
  // Counters for reports; for a shadow cordon: what would have been.
  std::uint64_t quarantined = 0;       // held when it was raised, or accepted since
  std::uint64_t committed_before = 0;  // messages of the look-back that had left
};

enum class WarningState : std::uint8_t { pending, awaiting_approval, queued, suppressed };

struct Warning {
  WarningId id{};
  AlertId alert{};
  std::string recipient;  // as mailbox text
  bool certain = true;    // false: "may have received"
  WarningState state = WarningState::pending;
  std::string reason;  // why awaiting or suppressed
  MessageId notice{};  // the queued warning; 0 until then
  WallTime at;
};

// One line of a cordoned session (BESIDES 3.2: "subject to audition").
struct TranscriptLine {
  CordonId cordon{};
  std::string session;
  WallTime at;
  bool from_client = true;
  std::string text;
};

// A decision of an operator, or of Cordon in an operator's place.
struct AuditEntry {
  std::int64_t id = 0;
  WallTime at;
  std::int64_t uid = -1;  // -1: Cordon itself
  std::string who;        // user name, or "cordond"
  std::string action;     // "queue release", "cordon lift", "bypass", ...
  std::string object;     // ids
  std::string detail;
};

struct BaitRow {
  baits::Bait bait;
  WallTime added_at;
  std::optional<WallTime> retired_at;
  std::string retired_why;
  std::uint64_t hits = 0;
};

// What is kept of a committed message so that it can be revoked (BESIDES 4.3): one row a recipient.
struct RevocationRecord {
  MessageId message{};
  OriginId origin{};
  WallTime accepted_at;
  WallTime committed_at;
  std::string sender;
  std::string recipient;
  std::string subject;
  std::string message_id;
  std::string references;
  Digest digest{};
  bool certain = true;  // false: claimed, outcome unknown
};

}  // namespace cordon::store
