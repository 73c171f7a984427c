// The warning to a recipient: one digest of all that reached this person before the alert.
#include <algorithm>

#include "smtp/notice/draft.h"
#include "smtp/notice/notice.h"

namespace cordon::notice {
namespace {

void add_id(std::vector<std::string>& ids, std::string_view id) {
  if (!is_message_id(id)) return;
  std::erase(ids, id);
  ids.emplace_back(id);
}

// The originals, and what the newest of them answered, so that the warning shows up in its thread.
std::vector<std::string> thread_of(const std::vector<WarnedMessage>& messages) {
  std::vector<std::string> ids;
  if (messages.empty()) return ids;
  std::string_view references = messages.back().references;
  while (!references.empty()) {
    const std::size_t end = references.find(' ');
    add_id(ids, references.substr(0, end));
    references.remove_prefix(end == std::string_view::npos ? references.size() : end + 1);
  }
  for (const auto& message : messages) add_id(ids, message.message_id);
  if (ids.size() > max_thread_ids) ids.erase(ids.begin(), ids.end() - max_thread_ids);
  return ids;
}

std::string message_value(const WarnedMessage& message, std::string_view name) {
  if (name == "time") return readable_time(message.at);
  if (name == "subject") {
    const std::string subject = clean_text(message.subject, 200);
    return subject.empty() ? "(none)" : subject;
  }
  if (name == "message_id")
    return is_message_id(message.message_id) ? message.message_id : "(none)";
  if (name == "sender") return is_plain_address(message.sender) ? message.sender : "(not shown)";
  return message.certain ? "delivered" : "not certain: it may have been delivered";
}

}  // namespace

std::string make_warning(const Template& text, const NoticeHead& head, const WarningFacts& facts) {
  const auto value = [&](std::string_view name) -> std::string {
    if (name == "alert") return std::to_string(facts.alert);
    if (name == "hostname") return printable(head.hostname, 255);
    if (name == "recipient") return header_address(head.to);
    if (name == "count") return std::to_string(facts.messages.size());
    const bool certain = std::any_of(facts.messages.begin(), facts.messages.end(),
                                     [](const auto& message) { return message.certain; });
    return certain ? "reached" : "may have reached";
  };
  // Of very many the newest are listed: they are the ones not opened yet.
  const std::size_t listed = std::min(facts.messages.size(), max_warned_messages);
  const std::size_t first = facts.messages.size() - listed;
  const auto message = [&](std::size_t i, std::string_view name) {
    return message_value(facts.messages[first + i], name);
  };
  return head_fields(head, text.subject(value), "auto-generated") +
         thread_fields(thread_of(facts.messages)) +
         field("X-Cordon-Alert", std::to_string(facts.alert)) +
         part("text/plain", NameCharset::yes, text.body(value, listed, message));
}

}  // namespace cordon::notice
