#include "proxy/control_rows.h"

#include <array>

namespace cordon::proxy {
namespace {

using std::string_view;

constexpr std::array<string_view, 4> message_kinds = {"mail", "bounce", "warning", "report"};
constexpr std::array<string_view, 4> recipient_states = {"pending", "delivered", "failed",
                                                         "suppressed"};
constexpr std::array<string_view, 4> places = {"mail_from", "rcpt_to", "by_operator", "auth"};
constexpr std::array<string_view, 4> responses = {"observed", "quarantine_message", "cordon",
                                                  "review"};
constexpr std::array<string_view, 3> cordon_kinds = {"enforced", "shadow", "review"};
constexpr std::array<string_view, 4> warning_states = {"pending", "awaiting_approval", "queued",
                                                       "suppressed"};

template <typename Words, typename Enum>
std::string word(const Words& words, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  return std::string(index < words.size() ? words[index] : "unknown");
}

std::string word(baits::BaitKind kind) {
  return std::string(wire::word(static_cast<wire::BaitKind>(kind)));
}
static_assert(static_cast<int>(baits::BaitKind::local_part) ==
              static_cast<int>(wire::BaitKind::local_part));

template <typename Id>
wire::Id id_of(Id id) {
  return {static_cast<std::int64_t>(id)};
}

std::optional<wire::Time> wire_time(const std::optional<store::WallTime>& time) {
  return time ? std::optional(proxy::wire_time(*time)) : std::nullopt;
}

// Postfix's queue names where they mean the same: active, deferred, hold, incoming.
std::string queue_name(const store::MessageView& view) {
  using enum store::MessageState;
  switch (view.message.state) {
    case held:
      if (view.quarantined) return "quarantine";
      if (view.message.frozen) return "hold";
      if (!view.message.login.empty() && view.sealed.empty()) return "needs-credentials";
      return view.message.attempts > 0 ? "deferred" : "incoming";
    case claimed:
      return "active";
    case uncertain:
      return "uncertain";
    case committed:
      return "committed";
    case failed:
      return "failed";
    case deleted:
      return "deleted";
  }
  return "unknown";
}

std::string hex(const store::Digest& digest) {
  constexpr string_view digits = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t octet : digest) {
    out += digits[octet >> 4];
    out += digits[octet & 15];
  }
  return out;
}

}  // namespace

wire::Time wire_time(store::WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

wire::StatusRow row_of(const GatewayStatus& s) {
  return {s.version,       s.hostname,       s.gateway_id, s.uptime_seconds, s.commits_stopped,
          s.review_of_all, s.sessions,       s.held,       s.quarantined,    s.in_flight,
          s.accepted,      s.committed,      s.deferred,   s.failed,         s.violations,
          s.baits,         s.active_cordons, s.origins};
}

wire::MessageRow row_of(const store::MessageView& view, const BaitMask& mask) {
  const store::Message& message = view.message;
  wire::MessageRow row;
  row.queue_name = queue_name(view);
  row.queue_id = id_of(message.id);
  row.arrival_time = wire_time(message.accepted_at);
  row.message_size = message.octets;
  if (!message.envelope.sender.null) {
    row.sender = mask.mailbox(message.envelope.sender.mailbox.to_string());
  }
  const auto& recipients = message.envelope.recipients;
  for (std::size_t i = 0; i < std::min(recipients.size(), wire::max_row_recipients); ++i) {
    row.recipients.push_back({mask.mailbox(recipients[i].mailbox.to_string()), {}});
  }
  for (const store::RecipientStatus& status : view.recipients) {
    if (status.state == store::RecipientState::pending && status.index < row.recipients.size()) {
      row.recipients[status.index].delay_reason = mask.line(status.last_reply);
    }
  }
  row.recipient_count = recipients.size();
  row.origin_id = id_of(message.origin);
  row.origin = view.origin_label;
  row.kind = word(message_kinds, message.kind);
  row.subject = message.subject;
  row.message_id = message.message_id;
  row.listener = message.listener;
  row.session = message.session;
  row.login = mask.line(message.login);
  row.attempts = message.attempts;
  row.alert_id = id_of(message.quarantined_by);
  return row;
}

wire::RecipientRow row_of(const store::MessageView& view, const store::RecipientStatus& recipient,
                          const BaitMask& mask) {
  const auto& all = view.message.envelope.recipients;
  std::string address;
  if (recipient.index < all.size()) address = all[recipient.index].mailbox.to_string();
  return {id_of(view.message.id), mask.mailbox(address), word(recipient_states, recipient.state),
          mask.line(recipient.last_reply), wire_time(recipient.settled_at)};
}

wire::AlertRow row_of(const store::Alert& alert, const std::string& origin_label) {
  wire::AlertRow row;
  row.alert_id = id_of(alert.id);
  row.time = wire_time(alert.at);
  row.origin_id = id_of(alert.origin);
  row.origin = origin_label;
  row.bait_id = id_of(alert.bait);
  if (row.bait_id.value != 0) row.bait_kind = word(alert.bait_kind);
  row.place = word(places, alert.place);
  row.response = word(responses, alert.response);
  row.reason = alert.reason;
  row.listener = alert.listener;
  row.session = alert.session;
  row.queue_id = id_of(alert.message);
  row.cordon_id = id_of(alert.cordon);
  row.hits = alert.hits;
  return row;
}

wire::CordonRow row_of(const store::Cordon& cordon, const std::string& origin_label) {
  return {id_of(cordon.id),
          word(cordon_kinds, cordon.kind),
          id_of(cordon.origin),
          origin_label,
          id_of(cordon.alert),
          wire_time(cordon.raised_at),
          wire_time(cordon.lifted_at),
          cordon.withdrawn,
          cordon.warnings_done,
          cordon.quarantined,
          cordon.committed_before};
}

wire::TranscriptRow row_of(const store::TranscriptLine& line, const BaitMask& mask) {
  return {id_of(line.cordon), wire_time(line.at), line.session,
          line.from_client ? "client" : "server", mask.line(line.text)};
}

wire::BaitRow row_of(const store::BaitRow& row, const BaitMask& mask) {
  return {id_of(row.bait.id),      word(row.bait.kind),       mask.value(row.bait), row.bait.label,
          wire_time(row.added_at), wire_time(row.retired_at), row.retired_why,      row.hits};
}

wire::HitRow row_of(const baits::Hit& hit) { return {id_of(hit.id), word(hit.kind)}; }

wire::RevocationRow row_of(const store::RevocationRecord& record, const std::string& origin_label,
                           const BaitMask& mask) {
  return {id_of(record.message),
          id_of(record.origin),
          origin_label,
          wire_time(record.accepted_at),
          wire_time(record.committed_at),
          mask.mailbox(record.sender),
          mask.mailbox(record.recipient),
          record.subject,
          record.message_id,
          hex(record.digest),
          record.certain};
}

wire::WarningRow row_of(const store::Warning& warning, const BaitMask& mask) {
  return {id_of(warning.id),
          id_of(warning.alert),
          mask.mailbox(warning.recipient),
          warning.certain,
          word(warning_states, warning.state),
          warning.reason,
          id_of(warning.notice),
          wire_time(warning.at)};
}

wire::AuditRow row_of(const store::AuditEntry& entry) {
  return {{entry.id},   wire_time(entry.at), entry.uid,   entry.who,
          entry.action, entry.object,        entry.detail};
}

}  // namespace cordon::proxy
