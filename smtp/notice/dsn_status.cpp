#include "smtp/notice/dsn_status.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "smtp/notice/text.h"
#include "smtp/notice/utf8.h"
#include "smtp/xtext.h"

namespace cordon::notice {
namespace {

constexpr std::size_t max_diagnostic = 4'000;  // octets; a reply may have many lines

std::string_view action_text(DsnAction action) {
  switch (action) {
    case DsnAction::failed:
      return "failed";
    case DsnAction::delayed:
      return "delayed";
    case DsnAction::delivered:
      return "delivered";
    case DsnAction::relayed:
      return "relayed";
  }
  return "failed";
}

// Action and status must not contradict each other. A failure may have class 4: tried till the end
// of its time (RFC 3464 2.3.3, note). A delay never has class 5, though a reply may: 552 for too
// many recipients means "later".
smtp::EnhancedStatus status_of(const DsnRecipient& recipient) {
  smtp::EnhancedStatus status = recipient.status;
  if (status.klass == 0) status = recipient.reply.status;
  switch (recipient.action) {
    case DsnAction::failed:
      if (status.klass != 4 && status.klass != 5) status = {};
      if (status.klass == 0) status.klass = recipient.reply.transient() ? 4 : 5;
      return status;
    case DsnAction::delayed:
      if (status.klass == 2) status = {};
      status.klass = 4;
      return status;
    case DsnAction::delivered:
    case DsnAction::relayed:
      if (status.klass != 2) status = {2, 0, 0};
      return status;
  }
  return status;
}

// ASCII, one line or folded.
std::string status_field(const std::string& name, std::string_view value) {
  return name + ": " + fold(printable(value, max_diagnostic), name.size() + 2) + "\r\n";
}

// utf-8-addr-xtext of RFC 6533 3: \x{XX} for what is no printable ASCII. `keep` are the ASCII
// octets that stay as they are although the form has a meaning for them.
std::string seven_bit_form(std::string_view address, std::string_view keep) {
  std::string text;
  for (std::size_t at = 0; at < address.size() && text.size() < 900;) {
    const char32_t c = next_code_point(address, at);
    const bool plain = c > 0x20 && c < 0x7F && c != '\\' && c != '+' && c != '=';
    if (plain || (c < 0x7F && keep.find(static_cast<char>(c)) != std::string_view::npos)) {
      text += static_cast<char>(c);
    } else {
      char form[16];
      std::snprintf(form, sizeof form, "\\x{%02X}", static_cast<unsigned>(c));
      text += form;
    }
  }
  return text;
}

std::string typed_address(std::string_view mailbox) {
  if (is_ascii(mailbox)) return "rfc822; " + printable(mailbox, 400);
  return "utf-8; " + seven_bit_form(mailbox, {});
}

// ORCPT decoded (RFC 3464 2.3.1); nothing if it is malformed. One of type utf-8 may have come as
// UTF-8, in which only \x{...} is an escape (RFC 6533 3).
std::string original_recipient(std::string_view orcpt) {
  const std::size_t semicolon = orcpt.find(';');
  if (semicolon == std::string_view::npos) return {};
  const std::string_view type = orcpt.substr(0, semicolon);
  const bool is_type = !type.empty() && std::all_of(type.begin(), type.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (!is_type) return {};
  const std::string_view given = orcpt.substr(semicolon + 1);
  if (!is_ascii(given)) return std::string{type} + "; " + seven_bit_form(given, "\\+=");
  const auto address = smtp::decode_xtext_utf8(given);
  if (!address || address->empty()) return {};
  if (!is_ascii(*address)) return "utf-8; " + seven_bit_form(*address, {});
  return std::string{type} + "; " + *address;
}

// The reply as it came, line by line; each but the first after a space (RFC 3461 9.2).
std::string diagnostic_field(const smtp::Reply& reply) {
  std::string wire;
  smtp::append_wire(wire, reply);
  std::string field = "Diagnostic-Code: smtp;";
  for (std::size_t at = 0; at < wire.size() && field.size() < max_diagnostic;) {
    const std::size_t end = wire.find("\r\n", at);
    const std::string line = printable(std::string_view{wire}.substr(at, end - at), 512);
    field += at == 0 ? " " + fold(line, field.size() + 1) : "\r\n " + fold(line, 1);
    at = end + 2;
  }
  return field + "\r\n";
}

std::string recipient_group(const DsnRecipient& recipient) {
  std::string group;
  const std::string original = original_recipient(recipient.orcpt);
  if (!original.empty()) group += status_field("Original-Recipient", original);
  group += status_field("Final-Recipient", typed_address(recipient.mailbox));
  group += status_field("Action", action_text(recipient.action));
  group += status_field("Status", status_text(recipient));
  // Without this field the diagnostic is ours (RFC 3464 2.3.6).
  if (!recipient.remote_mta.empty())
    group += status_field("Remote-MTA", "dns; " + recipient.remote_mta);
  if (recipient.reply.code != 0) group += diagnostic_field(recipient.reply);
  if (recipient.last_attempt)
    group += status_field("Last-Attempt-Date", mail_date(*recipient.last_attempt));
  if (recipient.will_retry_until && recipient.action == DsnAction::delayed)
    group += status_field("Will-Retry-Until", mail_date(*recipient.will_retry_until));
  return group;
}

// RFC 3461 6.3 (b): a name without a domain must not say that it is one of the DNS.
std::string mta_name(const std::string& hostname) {
  const bool qualified = hostname.find('.') != std::string::npos;
  return (qualified ? "dns; " : "x-local-hostname; ") + hostname;
}

}  // namespace

std::string status_text(const DsnRecipient& recipient) {
  const smtp::EnhancedStatus status = status_of(recipient);
  return std::to_string(status.klass) + "." + std::to_string(status.subject) + "." +
         std::to_string(status.detail);
}

std::string delivery_status_part(const std::string& hostname, const DsnFacts& facts) {
  std::string text =
      "Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: 7bit\r\n\r\n";
  const auto envid = smtp::decode_xtext(facts.envid);
  if (envid && !envid->empty()) text += status_field("Original-Envelope-Id", *envid);
  text += status_field("Reporting-MTA", mta_name(hostname));
  text += status_field("Arrival-Date", mail_date(facts.arrival));
  for (const auto& recipient : facts.recipients) text += "\r\n" + recipient_group(recipient);
  return text;
}

}  // namespace cordon::notice
