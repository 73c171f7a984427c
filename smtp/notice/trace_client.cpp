#include "smtp/notice/trace_client.h"

namespace cordon::notice {
namespace {

// What stands before `end` at the front of `text`, which is taken off with it.
std::optional<std::string_view> take_until(std::string_view& text, std::string_view end) {
  const std::size_t at = text.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at + end.size());
  return part;
}

}  // namespace

// "Received: from HELO ([ADDRESS])" CRLF TAB "by HOST with PROTOCOL id ...": names in it have
// neither blanks nor parentheses.
std::optional<smtp::ClientFacts> client_of(std::string_view trace) {
  constexpr std::string_view begin = "Received: from ";
  constexpr std::string_view ipv6 = "IPv6:";
  if (!trace.starts_with(begin)) return std::nullopt;
  trace.remove_prefix(begin.size());
  const auto helo = take_until(trace, " ([");
  auto address = take_until(trace, "])\r\n\tby ");
  const auto host = take_until(trace, " with ");
  const auto protocol = take_until(trace, " id ");
  if (!helo || !address || !host || !protocol) return std::nullopt;
  if (address->starts_with(ipv6)) address->remove_prefix(ipv6.size());
  const bool as_said = *helo != "unknown" && helo->find('?') == std::string_view::npos;
  return smtp::ClientFacts{.address = std::string(*address),
                           .helo = std::string(as_said ? *helo : ""),
                           .esmtp = *protocol != "SMTP"};
}

}  // namespace cordon::notice
