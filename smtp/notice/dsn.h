// The delivery status notification (RFC 3464 in the multipart/report of RFC 6522, with what RFC
// 3461 6 asks of one for mail that came by SMTP): what became of a message, told to its sender.
// Text for a person, fields for a program, and the original or its header.
//
// Recipients beyond ASCII stand in the 7-bit form of RFC 6533 3, which message/delivery-status may
// hold: message/global-delivery-status is never needed, and every report can go to any server. Only
// an original that is returned whole may bring octets above 127 (DsnFacts::may_be_eight_bit).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "smtp/notice/notice.h"
#include "smtp/reply.h"

namespace cordon::notice {

enum class DsnAction : std::uint8_t { failed, delayed, delivered, relayed };  // RFC 3464 2.3.3

struct DsnRecipient {
  std::string mailbox;  // "name@domain"
  std::string orcpt;    // ORCPT as given, still xtext; may be empty
  DsnAction action = DsnAction::failed;
  smtp::EnhancedStatus status;  // klass 0: that of the reply, or X.0.0 by the action
  smtp::Reply reply;            // the last words about this recipient; code 0: none
  std::string remote_mta;       // the server whose words they are; empty: they are ours
  std::optional<WallTime> last_attempt;
  std::optional<WallTime> will_retry_until;  // only of one that is delayed
};

// What of the original goes back (RFC 3461 4.3). Whether it may be all is the caller's to decide.
enum class Returned : std::uint8_t { header, whole };

struct DsnFacts {
  WallTime arrival;
  std::string envid;  // ENVID as given, still xtext; may be empty
  std::string original_message_id;
  std::string original_subject;
  std::string remark;  // a paragraph for who gets the report in the sender's place; may be empty
  std::vector<DsnRecipient> recipients;
  std::string original;  // the message, or as much of it as is known; a header is cut at 16 KiB
  Returned returned = Returned::header;
  bool internationalized = false;  // it was sent by SMTPUTF8
  bool may_be_eight_bit = false;   // the report may go by 8BITMIME
};

// An original that no encoding of message/rfc822 can carry is returned as its header only: octets
// above 127 where they may not be, lines over 998 octets.
std::string make_dsn(const NoticeHead& head, const DsnFacts& facts);

}  // namespace cordon::notice
