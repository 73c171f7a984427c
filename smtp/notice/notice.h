// The mail that Cordon writes: warnings and reports here, delivery status notifications in dsn.h.
// Plain values in; a whole message out (RFC 5322): CRLF line ends, lines under 998 octets, 7-bit
// octets only. Time and Message-ID are handed in; the same values give the same octets. The return
// path is the caller's and must be null (RFC 3834 3.3, RFC 3464 2).
//
// Nothing of an attacker's text is repeated but subjects that are clean (header_scan.h),
// identifiers and addresses of strict form, and, to the sender of a message, that message itself.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "smtp/notice/template.h"
#include "smtp/notice/text.h"

namespace cordon::notice {

struct NoticeHead {
  std::string from;        // "MAILER-DAEMON@gw.example"
  std::string to;          // one mailbox
  std::string message_id;  // "<...>", fresh
  std::string hostname;    // ours
  WallTime date;
};

// ---- to the recipient of messages committed before an alert (BESIDES 4.3)

struct WarnedMessage {
  WallTime at;
  std::string sender;
  std::string subject;
  std::string message_id;
  std::string references;
  bool certain = true;  // false: it may have been received
};

struct WarningFacts {
  std::int64_t alert = 0;
  std::vector<WarnedMessage> messages;  // oldest first
};

inline constexpr std::size_t max_warned_messages =
    100;                                           // listed; of more only their number is told
inline constexpr std::size_t max_thread_ids = 20;  // in References

std::string make_warning(const Template& text, const NoticeHead& head, const WarningFacts& facts);

// ---- to the operators, on every alert

enum class AlertResponse : std::uint8_t { observed, quarantine_message, cordon, review };

struct ReportFacts {
  std::int64_t alert = 0;
  std::int64_t cordon = 0;   // 0: none
  std::int64_t message = 0;  // the one quarantined message; 0: none
  WallTime at;
  AlertResponse response = AlertResponse::observed;
  std::string place;      // "MAIL FROM", "RCPT TO", "an operator's command"
  std::int64_t bait = 0;  // its id, never its address; 0: none
  std::string bait_kind;  // "address", "domain", "local part"
  std::string origin;     // label and identifiers
  std::string listener;
  std::string session;
  std::string reason;                  // the rule that chose the response
  std::uint64_t held = 0;              // in quarantine now; observed: would be
  std::uint64_t committed_before = 0;  // messages that had left; observed: likewise
  std::uint64_t to_warn = 0;           // recipients to be warned; observed: would be
};

std::string make_operator_report(const Template& text, const NoticeHead& head,
                                 const ReportFacts& facts);

}  // namespace cordon::notice
