// The delivery status notification (RFC 3464, in the multipart/report of RFC 6522).
#include <algorithm>
#include <cstdio>

#include "smtp/notice/draft.h"
#include "smtp/notice/notice.h"
#include "smtp/notice/utf8.h"
#include "smtp/xtext.h"

namespace cordon::notice {
namespace {

constexpr std::size_t max_header = 16'384;

bool any_failed(const BounceFacts& facts) {
  return std::any_of(facts.recipients.begin(), facts.recipients.end(),
                     [](const auto& one) { return one.action == DeliveryAction::failed; });
}

std::string status_of(const BouncedRecipient& recipient) {
  smtp::EnhancedStatus status = recipient.status;
  if (status.klass == 0) status = recipient.reply.status;
  if (status.klass == 0)
    status = {recipient.action == DeliveryAction::failed ? std::uint8_t{5} : std::uint8_t{4}, 0, 0};
  return std::to_string(status.klass) + "." + std::to_string(status.subject) + "." +
         std::to_string(status.detail);
}

// A value of the delivery-status part: ASCII, one line or folded.
std::string status_field(const std::string& name, std::string_view value) {
  return name + ": " + fold(printable(value, 4000), name.size() + 2) + "\r\n";
}

// "rfc822; name@domain", or the utf-8 address type in its 7-bit form (RFC 6533 3,
// utf-8-addr-xtext: \x{XX} for what is no printable ASCII).
std::string typed_address(std::string_view mailbox) {
  if (is_ascii(mailbox)) return "rfc822; " + printable(mailbox, 400);
  std::string text = "utf-8; ";
  for (std::size_t at = 0; at < mailbox.size() && at < 400;) {
    const char32_t c = next_code_point(mailbox, at);
    if (c > 0x20 && c < 0x7F && c != '\\' && c != '+' && c != '=') {
      text += static_cast<char>(c);
    } else {
      char form[16];
      std::snprintf(form, sizeof form, "\\x{%02X}", static_cast<unsigned>(c));
      text += form;
    }
  }
  return text;
}

// ORCPT decoded (RFC 3464 2.3.1); nothing if it is malformed.
std::string original_recipient(std::string_view orcpt) {
  const std::size_t semicolon = orcpt.find(';');
  if (semicolon == std::string_view::npos) return {};
  const std::string_view type = orcpt.substr(0, semicolon);
  const auto address = smtp::decode_xtext(orcpt.substr(semicolon + 1));
  const bool is_type = !type.empty() && std::all_of(type.begin(), type.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
  if (!is_type || !address || address->empty()) return {};
  return std::string{type} + "; " + *address;
}

std::string recipient_group(const BouncedRecipient& recipient) {
  std::string group;
  const std::string original = original_recipient(recipient.orcpt);
  if (!original.empty()) group += status_field("Original-Recipient", original);
  group += status_field("Final-Recipient", typed_address(recipient.mailbox));
  group +=
      status_field("Action", recipient.action == DeliveryAction::failed ? "failed" : "delayed");
  group += status_field("Status", status_of(recipient));
  if (!recipient.remote_mta.empty())
    group += status_field("Remote-MTA", "dns; " + recipient.remote_mta);
  if (recipient.reply.code != 0) {
    group += status_field("Diagnostic-Code", "smtp; " + recipient.reply.one_line());
  }
  return group;
}

// RFC 3464 2.1: this part is 7bit, never encoded.
std::string status_part(const NoticeHead& head, const BounceFacts& facts) {
  std::string text =
      "Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: 7bit\r\n\r\n";
  const auto envid = smtp::decode_xtext(facts.envid);
  if (envid && !envid->empty()) text += status_field("Original-Envelope-Id", *envid);
  text += status_field("Reporting-MTA", "dns; " + head.hostname);
  text += status_field("Arrival-Date", mail_date(facts.arrival));
  for (const auto& recipient : facts.recipients) text += "\r\n" + recipient_group(recipient);
  return text;
}

void tell_group(std::string& text, const BounceFacts& facts, DeliveryAction action,
                std::string_view introduction) {
  bool introduced = false;
  for (const auto& recipient : facts.recipients) {
    if (recipient.action != action) continue;
    if (!introduced) text += introduction;
    introduced = true;
    text += "  <" + clean_text(recipient.mailbox, 320) + ">\n";
    const bool spoken = recipient.reply.code != 0;
    if (spoken && !recipient.remote_mta.empty()) {
      text += "    " + printable(recipient.remote_mta, 255) + " said:\n";
    }
    text +=
        "    " +
        (spoken ? printable(recipient.reply.one_line(), 900) : "status " + status_of(recipient)) +
        "\n\n";
  }
}

std::string human_part(const NoticeHead& head, const BounceFacts& facts) {
  std::string text = "This is the mail gateway " + printable(head.hostname, 255) + ".\n\n";
  tell_group(text, facts, DeliveryAction::failed,
             "Your message could not be delivered to these recipients:\n\n");
  tell_group(text, facts, DeliveryAction::delayed,
             "Your message is late for these recipients, and is still being tried:\n\n");
  text += "The header of your message follows.\n";
  return part("text/plain", NameCharset::yes, text);
}

std::string header_part(std::string_view header) {
  if (header.size() > max_header) header = header.substr(0, header.rfind('\n', max_header - 1) + 1);
  return part("text/rfc822-headers", NameCharset::no, header);
}

// A boundary that none of the parts holds: the original's header is anybody's text.
std::string boundary_for(const std::vector<std::string>& parts) {
  for (unsigned number = 1;; ++number) {
    std::string boundary = "=_cordon_" + std::to_string(number) + "_";
    const bool held = std::any_of(parts.begin(), parts.end(), [&](const auto& text) {
      return text.find(boundary) != std::string::npos;
    });
    if (!held) return boundary;
  }
}

}  // namespace

std::string make_bounce(const NoticeHead& head, const BounceFacts& facts) {
  const std::vector<std::string> parts = {human_part(head, facts), status_part(head, facts),
                                          header_part(facts.header)};
  const std::string boundary = boundary_for(parts);
  std::string mail = head_fields(head,
                                 any_failed(facts) ? "Undelivered mail returned to sender"
                                                   : "Delayed mail (still being tried)",
                                 "auto-replied");
  if (is_message_id(facts.original_message_id)) mail += thread_fields({facts.original_message_id});
  mail += "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"" +
          boundary + "\"\r\n\r\nThis is a report in MIME format.\r\n";
  for (const auto& one : parts) mail.append("\r\n--").append(boundary).append("\r\n").append(one);
  mail += "\r\n--" + boundary + "--\r\n";
  return mail;
}

}  // namespace cordon::notice
