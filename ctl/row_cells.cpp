#include "ctl/row_cells.h"

#include "ctl/terminal_text.h"

namespace cordon::ctl {
namespace {

using namespace wire;
constexpr auto right = Align::right;

std::string id(Id id) { return id.value == 0 ? "-" : std::to_string(id.value); }
std::string time(Time time) { return local_time(time); }
std::string time(const std::optional<Time>& time) { return time ? local_time(*time) : "-"; }
std::string path(const std::string& sender) { return sender.empty() ? "<>" : sender; }
std::string origin(Id origin_id, const std::string& label) {
  return label.empty() ? id(origin_id) : label;
}
std::string certain(bool yes) { return yes ? "yes" : "maybe"; }

Colour by_state(std::string_view state) {
  if (state == "quarantine" || state == "failed" || state == "cordon" || state == "enforced") {
    return Colour::red;
  }
  if (state == "deferred" || state == "hold" || state == "uncertain" || state == "review" ||
      state == "needs-credentials" || state == "awaiting_approval" ||
      state == "quarantine_message") {
    return Colour::yellow;
  }
  return state == "committed" || state == "delivered" ? Colour::green : Colour::none;
}

std::string recipients(const MessageRow& row) {
  if (row.recipients.empty()) return "-";
  std::string out = row.recipients.front().address;
  if (row.recipient_count > 1) out += " +" + std::to_string(row.recipient_count - 1);
  return out;
}

struct Columns {
  using Result = std::vector<Column>;
  Result operator()(const StatusRow&) const { return {}; }
  Result operator()(const ContentRow&) const { return {}; }
  Result operator()(const IdRow&) const { return {{"ID", right}}; }
  Result operator()(const MessageRow&) const {
    return {{"ID", right}, {"QUEUE"},  {"ARRIVED"},    {"SIZE", right},
            {"ORIGIN"},    {"SENDER"}, {"RECIPIENTS"}, {"SUBJECT"}};
  }
  Result operator()(const RecipientRow&) const {
    return {{"RECIPIENT"}, {"STATE"}, {"SETTLED"}, {"LAST REPLY"}};
  }
  Result operator()(const HistoryRow&) const { return {{"TIME"}, {"WHO"}, {"WHAT"}}; }
  Result operator()(const AlertRow&) const {
    return {{"ID", right}, {"TIME"},     {"ORIGIN"},      {"BAIT", right},
            {"PLACE"},     {"RESPONSE"}, {"HITS", right}, {"REASON"}};
  }
  Result operator()(const CordonRow&) const {
    return {{"ID", right},
            {"KIND"},
            {"ORIGIN"},
            {"RAISED"},
            {"LIFTED"},
            {"QUARANTINED", right},
            {"COMMITTED BEFORE", right},
            {"ALERT", right}};
  }
  Result operator()(const TranscriptRow&) const { return {{"TIME"}, {"SESSION"}, {""}, {"LINE"}}; }
  Result operator()(const BaitRow&) const {
    return {{"ID", right}, {"KIND"}, {"VALUE"}, {"HITS", right}, {"ADDED"}, {"RETIRED"}, {"LABEL"}};
  }
  Result operator()(const HitRow&) const { return {{"BAIT", right}, {"KIND"}}; }
  Result operator()(const RevocationRow&) const {
    return {{"MESSAGE", right}, {"COMMITTED"}, {"ORIGIN"}, {"SENDER"},
            {"RECIPIENT"},      {"GOT IT?"},   {"SUBJECT"}};
  }
  Result operator()(const WarningRow&) const {
    return {{"ID", right}, {"ALERT", right}, {"TIME"},  {"RECIPIENT"},
            {"GOT IT?"},   {"STATE"},        {"REASON"}};
  }
  Result operator()(const AuditRow&) const {
    return {{"ID", right}, {"TIME"}, {"WHO"}, {"ACTION"}, {"OBJECT"}, {"DETAIL"}};
  }
};

struct Cells {
  using Result = std::vector<Cell>;
  Result operator()(const StatusRow&) const { return {}; }
  Result operator()(const ContentRow&) const { return {}; }
  Result operator()(const IdRow& r) const { return {{id(r.queue_id)}}; }
  Result operator()(const MessageRow& r) const {
    return {{id(r.queue_id)},
            {r.queue_name, by_state(r.queue_name)},
            {time(r.arrival_time)},
            {std::to_string(r.message_size)},
            {origin(r.origin_id, r.origin)},
            {path(r.sender)},
            {recipients(r)},
            {r.subject}};
  }
  Result operator()(const RecipientRow& r) const {
    return {{r.address}, {r.state, by_state(r.state)}, {time(r.settled_time)}, {r.last_reply}};
  }
  Result operator()(const HistoryRow& r) const { return {{time(r.time)}, {r.who}, {r.text}}; }
  Result operator()(const AlertRow& r) const {
    return {{id(r.alert_id)},         {time(r.time)}, {origin(r.origin_id, r.origin)},
            {id(r.bait_id)},          {r.place},      {r.response, by_state(r.response)},
            {std::to_string(r.hits)}, {r.reason}};
  }
  Result operator()(const CordonRow& r) const {
    const bool lifted = r.lifted_time.has_value();
    return {{id(r.cordon_id)},
            {r.kind, lifted ? Colour::dim : by_state(r.kind)},
            {origin(r.origin_id, r.origin)},
            {time(r.raised_time)},
            {time(r.lifted_time) + (r.withdrawn ? " (withdrawn)" : "")},
            {std::to_string(r.quarantined)},
            {std::to_string(r.committed_before)},
            {id(r.alert_id)}};
  }
  Result operator()(const TranscriptRow& r) const {
    const bool client = r.speaker == "client";
    return {{time(r.time)},
            {r.session},
            {client ? "C:" : "S:"},
            {r.text, client ? Colour::none : Colour::dim}};
  }
  Result operator()(const BaitRow& r) const {
    return {{id(r.bait_id)},
            {r.kind},
            {r.value},
            {std::to_string(r.hits), r.hits != 0 ? Colour::red : Colour::none},
            {time(r.added_time)},
            {time(r.retired_time)},
            {r.label}};
  }
  Result operator()(const HitRow& r) const { return {{id(r.bait_id)}, {r.kind}}; }
  Result operator()(const RevocationRow& r) const {
    return {{id(r.queue_id)},
            {time(r.committed_time)},
            {origin(r.origin_id, r.origin)},
            {path(r.sender)},
            {r.recipient},
            {certain(r.certain)},
            {r.subject}};
  }
  Result operator()(const WarningRow& r) const {
    return {{id(r.warning_id)}, {id(r.alert_id)},     {time(r.time)},
            {r.recipient},      {certain(r.certain)}, {r.state, by_state(r.state)},
            {r.reason}};
  }
  Result operator()(const AuditRow& r) const {
    return {{id(r.audit_id)}, {time(r.time)}, {r.who}, {r.action}, {r.object}, {r.detail}};
  }
};

}  // namespace

std::string_view heading(const Row& row) {
  if (std::holds_alternative<MessageRow>(row)) return "Messages";
  if (std::holds_alternative<RecipientRow>(row)) return "Recipients";
  if (std::holds_alternative<HistoryRow>(row)) return "History";
  if (std::holds_alternative<AlertRow>(row)) return "Alert";
  if (std::holds_alternative<CordonRow>(row)) return "Cordon";
  if (std::holds_alternative<TranscriptRow>(row)) return "Transcript";
  if (std::holds_alternative<WarningRow>(row)) return "Warnings";
  return "";
}

std::vector<Column> columns(const Row& row) { return std::visit(Columns{}, row); }

std::vector<Cell> cells(const Row& row) { return std::visit(Cells{}, row); }

std::vector<RowField> details(const Row& row) {
  std::vector<RowField> out;
  for (RowField& field : fields(row)) {
    // Recipients have a table of their own.
    if (field.name == "type" || field.name == "recipients" || field.text.empty()) continue;
    const bool is_time = field.name == "time" || field.name.ends_with("_time");
    if (is_time) field.text = local_time(std::stoll(field.text));
    for (char& c : field.name) c = c == '_' ? ' ' : c;
    out.push_back(std::move(field));
  }
  return out;
}

}  // namespace cordon::ctl
