#include "proxy/control_query.h"

#include <algorithm>
#include <charconv>

#include "proxy/control_rows.h"

namespace cordon::proxy {
namespace {

using store::MessageFilter;
using store::MessageId;
using wire::Command;
using wire::ErrorCode;
using wire::Fault;

constexpr std::uint32_t page = 200;            // rows held at once
constexpr std::uint64_t usual_limit = 1000;    // of newest-first lists
constexpr std::uint64_t most_newest = 10'000;  // such lists are read whole
constexpr auto no_limit = UINT64_MAX;

std::optional<std::int64_t> as_number(const std::string& text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

template <typename Id>
std::string text_of(Id id) {
  return std::to_string(static_cast<std::int64_t>(id));
}

Fault not_found(const std::string& what) { return {ErrorCode::not_found, what, 0}; }

}  // namespace

ControlQuery::ControlQuery(OperatorActions& actions, store::Reader& reader, store::WallTime now,
                           const wire::Request& request, const ReplySink& sink)
    : actions_(actions),
      reader_(reader),
      now_(now),
      request_(request),
      args_(request.args),
      sink_(sink),
      mask_(actions, request.args.show_baits) {}

Refusal ControlQuery::run() {
  switch (request_.command) {
    case Command::status:
      send(row_of(actions_.status()));
      return std::nullopt;
    case Command::queue_list:
      return list_messages(MessageFilter::Which::queue);
    case Command::quarantine_list:
      return list_messages(MessageFilter::Which::quarantine);
    case Command::queue_show:
    case Command::quarantine_show:
      return show_message();
    case Command::queue_content:
    case Command::quarantine_export:
      return send_content();
    case Command::alert_list:
      return list_alerts();
    case Command::alert_show:
      return show_alert();
    case Command::cordon_list:
      return list_cordons();
    case Command::cordon_show:
      return show_cordon();
    case Command::bait_list:
      return list_baits();
    case Command::bait_test:
      if (const auto hit = actions_.test_bait(args_.address)) send(row_of(*hit));
      return std::nullopt;
    case Command::revocation_list:
      return list_revocations();
    case Command::warning_list:
      return list_warnings();
    case Command::audit:
      return list_audit();
    default:
      return Fault{ErrorCode::unknown_command, "there is no such command", 0};
  }
}

// ---- messages

Refusal ControlQuery::for_each_message(MessageFilter::Which which,
                                       const std::function<bool(const store::MessageView&)>& each) {
  MessageFilter filter;
  if (auto refusal = origin_filter(filter.origin)) return refusal;
  filter.which = which;
  filter.sender = args_.sender;
  filter.recipient = args_.recipient;
  filter.limit = page;
  if (args_.alert) filter.alert = store::AlertId{*args_.alert};
  if (args_.older_than) filter.accepted_before = now_ - std::chrono::seconds(*args_.older_than);
  if (args_.younger_than) filter.accepted_after = now_ - std::chrono::seconds(*args_.younger_than);

  std::vector<std::int64_t> ids = args_.ids;
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::size_t taken = 0;
  do {  // once without ids, else a page of them at a time
    filter.ids.clear();
    for (; taken < ids.size() && filter.ids.size() < page; ++taken) {
      filter.ids.push_back(MessageId{ids[taken]});
    }
    filter.after = MessageId{};
    for (;;) {
      const auto views = reader_.messages(filter);
      for (const store::MessageView& view : views) {
        if (!each(view)) return std::nullopt;
      }
      if (views.size() < filter.limit) break;
      filter.after = views.back().message.id;
    }
  } while (taken < ids.size());
  return std::nullopt;
}

Refusal ControlQuery::list_messages(MessageFilter::Which which) {
  std::uint64_t left = limit(no_limit);
  if (left == 0) return std::nullopt;
  return for_each_message(which, [&](const store::MessageView& view) {
    if (args_.ids_only) {
      send(wire::IdRow{{static_cast<std::int64_t>(view.message.id)}});
    } else {
      send(row_of(view, mask_));
    }
    return !gone_ && --left != 0;
  });
}

Refusal ControlQuery::show_message() {
  std::int64_t id = 0;
  if (auto refusal = only_id(id)) return refusal;
  const auto view = reader_.message(MessageId{id});
  if (!view) return not_found("there is no message " + std::to_string(id));
  send(row_of(*view, mask_));
  for (const store::RecipientStatus& recipient : view->recipients) {
    if (!send(row_of(*view, recipient, mask_))) return std::nullopt;
  }
  send_history(*view);
  return std::nullopt;
}

// What befell a message, as far as it is on record: acceptance, its alert, operators' decisions.
void ControlQuery::send_history(const store::MessageView& view) {
  const store::Message& message = view.message;
  std::vector<wire::HistoryRow> history;
  history.push_back({wire_time(message.accepted_at), "cordond",
                     "accepted by " + message.listener + " in session " + message.session});
  if (message.quarantined_by != store::AlertId{}) {
    if (const auto alert = reader_.alert(message.quarantined_by)) {
      history.push_back({wire_time(alert->at), "cordond",
                         "quarantined by alert " + text_of(alert->id) + ": " + alert->reason});
    }
  }
  const std::string id = text_of(message.id);
  for (const store::AuditEntry& entry : reader_.audit(most_newest)) {
    // Ids of other things may be the same numbers. "queue hold" and "hold" are the same decision.
    const std::string_view verb =
        std::string_view(entry.action).substr(entry.action.rfind(' ') + 1);
    const bool of_messages =
        verb == "hold" || verb == "release" || verb == "delete" || verb == "bypass";
    if (!of_messages) continue;
    const std::string objects = "," + entry.object + ",";
    if (objects.find("," + id + ",") == std::string::npos) continue;
    history.push_back({wire_time(entry.at), entry.who,
                       entry.action + (entry.detail.empty() ? "" : ": " + entry.detail)});
  }
  std::stable_sort(history.begin(), history.end(),
                   [](const auto& a, const auto& b) { return a.time < b.time; });
  for (wire::HistoryRow& row : history) {
    if (!send(std::move(row))) return;
  }
}

// As it would leave: the Received field, then the content. Baits in it are not masked, it is
// evidence; so it takes the role review.
Refusal ControlQuery::send_content() {
  std::int64_t id = 0;
  if (auto refusal = only_id(id)) return refusal;
  const auto view = reader_.message(MessageId{id});
  if (!view) return not_found("there is no message " + std::to_string(id));
  const store::MessageState state = view->message.state;
  if (state == store::MessageState::committed || state == store::MessageState::failed ||
      state == store::MessageState::deleted) {
    return not_found("the content of message " + std::to_string(id) +
                     " is no longer kept: it is settled");
  }
  if (!send(wire::ContentRow{{id}, 0, view->message.trace})) return std::nullopt;
  std::vector<char> buffer(wire::content_piece);
  for (std::uint64_t offset = 0;;) {
    const std::size_t size = reader_.body(MessageId{id}, offset, buffer);
    if (size == 0) {
      if (offset != view->message.octets) {
        return Fault{ErrorCode::failed, "the content ended early: it has just been settled", 0};
      }
      return std::nullopt;
    }
    if (!send(wire::ContentRow{
            {id}, view->message.trace.size() + offset, std::string(buffer.data(), size)})) {
      return std::nullopt;
    }
    offset += size;
  }
}

// ---- alerts and cordons

Refusal ControlQuery::list_alerts() {
  std::optional<store::OriginId> origin;
  if (auto refusal = origin_filter(origin)) return refusal;
  std::uint64_t left = limit(usual_limit);
  for (const store::Alert& alert : reader_.alerts(most_newest)) {
    if (origin && alert.origin != *origin) continue;
    if (left-- == 0 || !send(row_of(alert, label(alert.origin)))) break;
  }
  return std::nullopt;
}

Refusal ControlQuery::show_alert() {
  std::int64_t id = 0;
  if (auto refusal = only_id(id)) return refusal;
  const auto alert = reader_.alert(store::AlertId{id});
  if (!alert) return not_found("there is no alert " + std::to_string(id));
  send(row_of(*alert, label(alert->origin)));
  if (alert->cordon != store::CordonId{}) {
    if (const auto cordon = reader_.cordon(alert->cordon)) {
      send(row_of(*cordon, label(cordon->origin)));
    }
  }
  MessageFilter filter;
  filter.alert = alert->id;
  filter.limit = page;
  for (const store::MessageView& view : reader_.messages(filter)) {
    if (!send(row_of(view, mask_))) return std::nullopt;
  }
  for (const store::Warning& warning : reader_.warnings(alert->id, page)) {
    if (!send(row_of(warning, mask_))) return std::nullopt;
  }
  return std::nullopt;
}

Refusal ControlQuery::list_cordons() {
  std::optional<store::OriginId> origin;
  if (auto refusal = origin_filter(origin)) return refusal;
  std::uint64_t left = limit(usual_limit);
  for (const store::Cordon& cordon : reader_.cordons(args_.ended, most_newest)) {
    if (origin && cordon.origin != *origin) continue;
    if (left-- == 0 || !send(row_of(cordon, label(cordon.origin)))) break;
  }
  return std::nullopt;
}

Refusal ControlQuery::show_cordon() {
  std::int64_t id = 0;
  if (auto refusal = only_id(id)) return refusal;
  const auto cordon = reader_.cordon(store::CordonId{id});
  if (!cordon) return not_found("there is no cordon " + std::to_string(id));
  send(row_of(*cordon, label(cordon->origin)));
  if (const auto alert = reader_.alert(cordon->alert)) send(row_of(*alert, label(alert->origin)));
  const auto lines = static_cast<std::uint32_t>(std::min(limit(usual_limit), most_newest));
  for (const store::TranscriptLine& line : reader_.transcript(cordon->id, lines)) {
    if (!send(row_of(line, mask_))) return std::nullopt;
  }
  return std::nullopt;
}

// ---- baits, records

Refusal ControlQuery::list_baits() {
  std::uint64_t left = limit(no_limit);
  baits::BaitId after{};
  for (;;) {
    const auto rows = reader_.baits(args_.ended, after, page);
    for (const store::BaitRow& row : rows) {
      if (left-- == 0 || !send(row_of(row, mask_))) return std::nullopt;
    }
    if (rows.size() < page) return std::nullopt;
    after = rows.back().bait.id;
  }
}

Refusal ControlQuery::list_warnings() {
  std::optional<store::AlertId> alert;
  if (args_.alert) alert = store::AlertId{*args_.alert};
  const auto most = static_cast<std::uint32_t>(std::min(limit(usual_limit), most_newest));
  for (const store::Warning& warning : reader_.warnings(alert, most)) {
    if (!send(row_of(warning, mask_))) break;
  }
  return std::nullopt;
}

Refusal ControlQuery::list_audit() {
  const auto most = static_cast<std::uint32_t>(std::min(limit(usual_limit), most_newest));
  for (const store::AuditEntry& entry : reader_.audit(most)) {
    if (!send(row_of(entry))) break;
  }
  return std::nullopt;
}

// ---- parts

bool ControlQuery::send(wire::Row row) {
  if (gone_) return false;
  gone_ = !sink_(wire::RowReply{request_.id, std::move(row)});
  if (!gone_) ++rows_;
  return !gone_;
}

Refusal ControlQuery::only_id(std::int64_t& id) const {
  if (args_.ids.size() != 1) return Fault{ErrorCode::bad_argument, "ids: expected one id", 0};
  id = args_.ids.front();
  return std::nullopt;
}

Refusal ControlQuery::origin_filter(std::optional<store::OriginId>& origin) {
  if (args_.origin.empty()) return std::nullopt;
  Refusal refusal;
  origin = find_origin(args_.origin, refusal);
  return refusal;
}

std::optional<store::OriginId> ControlQuery::find_origin(const std::string& text,
                                                         Refusal& refusal) {
  if (const auto number = as_number(text)) {
    if (reader_.origin(store::OriginId{*number})) return store::OriginId{*number};
  }
  if (const auto id = reader_.origin_by_identifier(text)) return id;
  std::vector<store::OriginId> matches;
  reader_.origins([&](const store::Origin& origin) {
    if (origin.label == text) matches.push_back(origin.id);
  });
  if (matches.size() == 1) return matches.front();
  if (matches.empty()) {
    refusal = not_found("there is no such origin");
  } else {
    refusal = Fault{ErrorCode::bad_argument,
                    "several origins have this label, such as " + text_of(matches[0]) + " and " +
                        text_of(matches[1]) + "; give the id",
                    0};
  }
  return std::nullopt;
}

std::uint64_t ControlQuery::limit(std::uint64_t otherwise) const {
  return args_.limit ? static_cast<std::uint64_t>(*args_.limit) : otherwise;
}

const std::string& ControlQuery::label(store::OriginId origin) {
  const auto [entry, fresh] = labels_.try_emplace(origin);
  if (fresh) {
    if (origin == store::everything) {
      entry->second = "everything";
    } else if (const auto found = reader_.origin(origin)) {
      entry->second = found->label;
    }
  }
  return entry->second;
}

}  // namespace cordon::proxy
