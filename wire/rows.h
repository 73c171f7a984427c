// What the control socket answers with: rows, one JSON object each, told apart by "type". Names are
// Postfix's (postqueue -j) where the meaning is the same. Times are seconds since 1970; identifiers
// are decimal text. A bait stands as "bait:ID" unless the caller may see baits and asked for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cordon::wire {

// An identifier on the wire; 0 stands for none.
struct Id {
  std::int64_t value = 0;
  bool operator==(const Id&) const = default;
};
using Time = std::int64_t;

struct StatusRow {
  std::string version;
  std::string hostname;
  std::string gateway_id;
  std::int64_t uptime = 0;  // seconds
  bool commits_stopped = false;
  bool review_of_all = false;
  std::uint64_t sessions = 0;
  std::uint64_t held = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t in_flight = 0;
  std::uint64_t accepted = 0;
  std::uint64_t committed = 0;
  std::uint64_t deferred = 0;
  std::uint64_t failed = 0;
  std::uint64_t violations = 0;
  std::uint64_t baits = 0;
  std::uint64_t active_cordons = 0;
  std::uint64_t origins = 0;
  bool operator==(const StatusRow&) const = default;
};

struct MessageRecipient {
  std::string address;
  std::string delay_reason;  // empty: none
  bool operator==(const MessageRecipient&) const = default;
};

inline constexpr std::size_t max_row_recipients = 100;

struct MessageRow {
  // incoming: in its cordoning period. active, deferred, hold: as Postfix's. needs-credentials:
  // waits for its user to log in again. quarantine, uncertain, committed, failed, deleted: as in
  // docs/architecture.md.
  std::string queue_name;
  Id queue_id;
  Time arrival_time = 0;
  std::uint64_t message_size = 0;            // octets
  std::string sender;                        // empty: the null path
  std::vector<MessageRecipient> recipients;  // the first max_row_recipients
  std::uint64_t recipient_count = 0;
  Id origin_id;
  std::string origin;
  std::string kind;  // mail, bounce, warning, report
  std::string subject;
  std::string message_id;
  std::string listener;
  std::string session;
  std::string login;  // as whom it must be delivered; empty: as its route says
  std::uint64_t attempts = 0;
  Id alert_id;  // that quarantined this message alone
  bool operator==(const MessageRow&) const = default;
};

struct IdRow {
  Id queue_id;
  bool operator==(const IdRow&) const = default;
};

struct RecipientRow {
  Id queue_id;
  std::string address;
  std::string state;  // pending, delivered, failed, suppressed
  std::string last_reply;
  std::optional<Time> settled_time;
  bool operator==(const RecipientRow&) const = default;
};

struct HistoryRow {
  Time time = 0;
  std::string who;
  std::string text;
  bool operator==(const HistoryRow&) const = default;
};

inline constexpr std::size_t content_piece = 49'152;  // octets

struct ContentRow {
  Id queue_id;
  std::uint64_t offset = 0;
  std::string octets;  // base64 on the wire
  bool operator==(const ContentRow&) const = default;
};

struct AlertRow {
  Id alert_id;
  Time time = 0;
  Id origin_id;
  std::string origin;
  Id bait_id;
  std::string bait_kind;
  std::string place;     // mail_from, rcpt_to, by_operator, auth
  std::string response;  // observed, quarantine_message, cordon, review
  std::string reason;
  std::string listener;
  std::string session;
  Id queue_id;
  Id cordon_id;
  std::uint64_t hits = 0;
  bool operator==(const AlertRow&) const = default;
};

struct CordonRow {
  Id cordon_id;
  std::string kind;  // enforced, shadow, review
  Id origin_id;
  std::string origin;
  Id alert_id;
  Time raised_time = 0;
  std::optional<Time> lifted_time;
  bool withdrawn = false;
  bool warnings_done = false;
  std::uint64_t quarantined = 0;
  std::uint64_t committed_before = 0;
  bool operator==(const CordonRow&) const = default;
};

struct TranscriptRow {
  Id cordon_id;
  Time time = 0;
  std::string session;
  std::string speaker;  // client, server
  std::string text;
  bool operator==(const TranscriptRow&) const = default;
};

struct BaitRow {
  Id bait_id;
  std::string kind;
  std::string value;  // "bait:ID" unless asked for
  std::string label;
  Time added_time = 0;
  std::optional<Time> retired_time;
  std::string retired_why;
  std::uint64_t hits = 0;
  bool operator==(const BaitRow&) const = default;
};

struct HitRow {
  Id bait_id;
  std::string kind;
  bool operator==(const HitRow&) const = default;
};

struct RevocationRow {
  Id queue_id;
  Id origin_id;
  std::string origin;
  Time arrival_time = 0;
  Time committed_time = 0;
  std::string sender;
  std::string recipient;
  std::string subject;
  std::string message_id;
  std::string digest;  // SHA-256, hex
  bool certain = true;
  bool operator==(const RevocationRow&) const = default;
};

struct WarningRow {
  Id warning_id;
  Id alert_id;
  std::string recipient;
  bool certain = true;
  std::string state;  // pending, awaiting_approval, queued, suppressed
  std::string reason;
  Id queue_id;  // of the notice
  Time time = 0;
  bool operator==(const WarningRow&) const = default;
};

struct AuditRow {
  Id audit_id;
  Time time = 0;
  std::int64_t uid = -1;
  std::string who;
  std::string action;
  std::string object;
  std::string detail;
  bool operator==(const AuditRow&) const = default;
};

using Row =
    std::variant<StatusRow, MessageRow, IdRow, RecipientRow, HistoryRow, ContentRow, AlertRow,
                 CordonRow, TranscriptRow, BaitRow, HitRow, RevocationRow, WarningRow, AuditRow>;

// One JSON object without a line end.
std::string encode(const Row& row);
// Fields that are unknown are passed over, so that a newer daemon can say more; what is missing or
// of a wrong type makes it nothing.
std::optional<Row> decode_row(std::string_view text);

// The fields in order as name and text, for showing a row whole; times and lists included as JSON
// has them.
struct RowField {
  std::string name;
  std::string text;
};
std::vector<RowField> fields(const Row& row);

}  // namespace cordon::wire
