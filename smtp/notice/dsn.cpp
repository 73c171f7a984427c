#include "smtp/notice/dsn.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "smtp/notice/draft.h"
#include "smtp/notice/dsn_status.h"
#include "smtp/notice/text.h"
#include "smtp/notice/transfer.h"

namespace cordon::notice {
namespace {

constexpr std::size_t max_header = 16'384;

bool any_is(const DsnFacts& facts, DsnAction action) {
  return std::any_of(facts.recipients.begin(), facts.recipients.end(),
                     [action](const auto& one) { return one.action == action; });
}

std::string_view subject_of(const DsnFacts& facts) {
  if (any_is(facts, DsnAction::failed)) return "Undelivered mail returned to sender";
  if (any_is(facts, DsnAction::delayed)) return "Delayed mail (still being tried)";
  if (any_is(facts, DsnAction::relayed)) return "Mail passed on as you asked to be told";
  return "Mail delivered as you asked to be told";
}

// ---- the part for people

struct Told {
  DsnAction action;
  std::string_view words;
};
constexpr std::array told_in_order = {
    Told{DsnAction::failed,
         "It could not be delivered to these recipients, and will not be tried again:\n\n"},
    Told{DsnAction::delayed,
         "It is late for these recipients, and is still being tried. There is no need to\n"
         "send it again:\n\n"},
    Told{DsnAction::relayed,
         "It was passed on for these recipients. The server that took it makes no reports\n"
         "of delivery, so this is the last:\n\n"},
    Told{DsnAction::delivered, "It was delivered to these recipients:\n\n"},
};

std::string words_about(const DsnRecipient& recipient) {
  std::string text = "  <" + clean_text(recipient.mailbox, 320) + ">\n";
  const bool spoken = recipient.reply.code != 0;
  const bool expired = recipient.status.subject == 4 && recipient.status.detail == 7;
  if (expired) text += "    not delivered in time; of the last try:\n";
  if (spoken && !recipient.remote_mta.empty())
    text += "    " + printable(recipient.remote_mta, 255) + " said:\n";
  text +=
      "    " +
      (spoken ? printable(recipient.reply.one_line(), 900) : "status " + status_text(recipient)) +
      "\n";
  if (recipient.will_retry_until && recipient.action == DsnAction::delayed)
    text += "    It is tried until " + readable_time(*recipient.will_retry_until) + ".\n";
  return text + "\n";
}

std::string human_part(const NoticeHead& head, const DsnFacts& facts, Returned returned) {
  std::string text =
      "This is the mail gateway " + printable(head.hostname, 255) + ", about this message:\n\n";
  const std::string subject = clean_text(facts.original_subject, 200);
  if (!subject.empty()) text += "  Subject:  " + subject + "\n";
  text += "  Received: " + readable_time(facts.arrival) + "\n\n";
  for (const Told& told : told_in_order) {
    if (!any_is(facts, told.action)) continue;
    text += told.words;
    for (const auto& recipient : facts.recipients)
      if (recipient.action == told.action) text += words_about(recipient);
  }
  if (!facts.remark.empty()) text += facts.remark + "\n\n";
  text += returned == Returned::whole ? "The message follows.\n" : "Its header follows.\n";
  return part("text/plain", NameCharset::yes, text);
}

// ---- the original

std::string_view header_of(std::string_view original) {
  const std::size_t end = original.find("\r\n\r\n");
  return original.substr(0, end == std::string_view::npos ? end : end + 2);
}

// An internationalized header has types of its own, which may be encoded as a text may (RFC 6532
// 3.7, RFC 6533 6).
bool is_global(const DsnFacts& facts) {
  return facts.internationalized && !is_ascii(header_of(facts.original));
}

std::string header_part(const DsnFacts& facts) {
  std::string_view header = header_of(facts.original);
  if (header.size() > max_header) header = header.substr(0, header.rfind('\n', max_header - 1) + 1);
  return part(is_global(facts) ? "message/global-headers" : "text/rfc822-headers", NameCharset::no,
              header);
}

// Of message/rfc822 no encoding but the identities is allowed (RFC 2046 5.2.1).
bool can_be_whole(const DsnFacts& facts) {
  if (facts.returned != Returned::whole) return false;
  if (is_global(facts)) return true;
  const Identity identity = identity_of(facts.original);
  return identity == Identity::seven_bit ||
         (identity == Identity::eight_bit && facts.may_be_eight_bit);
}

std::string whole_part(const DsnFacts& facts) {
  if (is_global(facts)) return part("message/global", NameCharset::no, facts.original);
  const bool seven_bit = identity_of(facts.original) == Identity::seven_bit;
  return std::string("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: ") +
         (seven_bit ? "7bit" : "8bit") + "\r\n\r\n" + with_crlf(facts.original);
}

// A boundary that none of the parts holds: the original is anybody's text.
std::string boundary_for(const std::array<std::string, 3>& parts) {
  for (unsigned number = 1;; ++number) {
    std::string boundary = "=_cordon_" + std::to_string(number) + "_";
    const bool held = std::any_of(parts.begin(), parts.end(), [&](const auto& text) {
      return text.find(boundary) != std::string::npos;
    });
    if (!held) return boundary;
  }
}

}  // namespace

std::string make_dsn(const NoticeHead& head, const DsnFacts& facts) {
  const Returned returned = can_be_whole(facts) ? Returned::whole : Returned::header;
  const std::array parts = {human_part(head, facts, returned),
                            delivery_status_part(head.hostname, facts),
                            returned == Returned::whole ? whole_part(facts) : header_part(facts)};
  const std::string boundary = boundary_for(parts);
  std::string mail = head_fields(head, subject_of(facts), "auto-replied");
  if (is_message_id(facts.original_message_id)) mail += thread_fields({facts.original_message_id});
  mail += "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"" +
          boundary + "\"\r\n\r\nThis is a report in MIME format.\r\n";
  for (const auto& one : parts) mail.append("\r\n--").append(boundary).append("\r\n").append(one);
  mail += "\r\n--" + boundary + "--\r\n";
  return mail;
}

}  // namespace cordon::notice
