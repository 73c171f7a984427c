// The report to the operators. A silent quarantine is dangerous: each alert tells what was done,
// how much it holds, and the commands that go on from there.
#include "smtp/notice/draft.h"
#include "smtp/notice/notice.h"

namespace cordon::notice {
namespace {

std::string what(AlertResponse response) {
  switch (response) {
    case AlertResponse::observed:
      return "observed only";
    case AlertResponse::quarantine_message:
      return "one message in quarantine";
    case AlertResponse::cordon:
      return "origin cordoned";
    case AlertResponse::review:
      return "needs your decision";
  }
  return {};
}

std::string response_text(const ReportFacts& facts) {
  switch (facts.response) {
    case AlertResponse::observed:
      return "Nothing was changed: this origin is only observed. What would have been done is "
             "told\n"
             "below.";
    case AlertResponse::quarantine_message:
      return "This one message is in quarantine. Its origin is not cordoned, and its other\nmail "
             "flows.";
    case AlertResponse::cordon:
      return "The origin is cordoned: it is still served, but nothing it sends leaves.";
    case AlertResponse::review:
      return "Mail is held back until you decide. Nothing is in quarantine and nobody is\nwarned.";
  }
  return {};
}

std::string count_line(std::uint64_t count, std::string_view what_of) {
  return "  " + std::to_string(count) + " " + std::string{what_of} + "\n";
}

std::string counts(const ReportFacts& facts) {
  if (facts.response == AlertResponse::quarantine_message) return {};
  if (facts.response == AlertResponse::review) {
    return count_line(facts.held, "messages are held now") +
           count_line(facts.committed_before, "messages of this origin had left before");
  }
  if (facts.response == AlertResponse::observed) {
    return count_line(facts.held, "held messages would be in quarantine") +
           count_line(facts.committed_before, "messages had left before") +
           count_line(facts.to_warn, "recipients would be warned");
  }
  return count_line(facts.held, "messages are in quarantine now") +
         count_line(facts.committed_before, "messages had left before") +
         count_line(facts.to_warn, "recipients of these are to be warned");
}

std::string command_line(const std::string& command, std::string_view purpose) {
  std::string line = "  cordonctl " + command;
  line.append(line.size() < 44 ? 44 - line.size() : 1, ' ').append(purpose).append("\n");
  return line;
}

std::string commands(const ReportFacts& facts) {
  const std::string alert = std::to_string(facts.alert);
  const std::string cordon = std::to_string(facts.cordon);
  const std::string message = std::to_string(facts.message);
  std::string text = command_line("alert show " + alert, "the evidence");
  if (facts.message != 0 && facts.response == AlertResponse::quarantine_message) {
    text += command_line("quarantine show " + message, "the message");
    text += command_line("quarantine release " + message, "let it go");
    text += command_line("quarantine delete " + message, "drop it");
  }
  if (facts.cordon != 0) {
    text += command_line("cordon show " + cordon, "its commands, replies and counts");
  }
  if (facts.response == AlertResponse::cordon) {
    text += command_line("quarantine list --alert " + alert, "what is held of it");
    text += command_line("warning list --alert " + alert, "who is warned, who awaits a yes");
  }
  if (facts.cordon != 0 && facts.response != AlertResponse::observed) {
    text += command_line("cordon lift " + cordon, "once it is clean, or was no intruder");
  }
  return text;
}

std::string one_line(std::string_view text) {
  const std::string clean = clean_text(text, 200);
  return clean.empty() ? "-" : clean;
}

}  // namespace

std::string make_operator_report(const Template& text, const NoticeHead& head,
                                 const ReportFacts& facts) {
  const auto value = [&](std::string_view name) -> std::string {
    if (name == "alert") return std::to_string(facts.alert);
    if (name == "hostname") return printable(head.hostname, 255);
    if (name == "time") return readable_time(facts.at);
    if (name == "what") return what(facts.response);
    if (name == "place") return one_line(facts.place);
    if (name == "bait") return facts.bait == 0 ? "none" : std::to_string(facts.bait);
    if (name == "bait_kind") return one_line(facts.bait_kind);
    if (name == "origin") return one_line(facts.origin);
    if (name == "listener") return one_line(facts.listener);
    if (name == "session") return one_line(facts.session);
    if (name == "reason") return one_line(facts.reason);
    if (name == "response") return response_text(facts);
    if (name == "counts") return counts(facts);
    return commands(facts);
  };
  const auto no_message = [](std::size_t, std::string_view) { return std::string{}; };
  return head_fields(head, text.subject(value), "auto-generated") +
         field("X-Cordon-Alert", std::to_string(facts.alert)) +
         part("text/plain", NameCharset::yes, text.body(value, 0, no_message));
}

}  // namespace cordon::notice
