// The fixed words of the server automaton, with their enhanced codes (RFC 3463; RFC 2034 asks for
// one in every reply but the greeting and those to HELO and EHLO).
#pragma once

#include <string_view>

#include "smtp/reply.h"

namespace cordon::smtp {

struct FixedReply {
  int code;
  EnhancedStatus status;
  std::string_view text;
};

namespace replies {

inline constexpr FixedReply ok{250, {2, 0, 0}, "Ok"};
inline constexpr FixedReply sender_ok{250, {2, 1, 0}, "Ok"};
inline constexpr FixedReply recipient_ok{250, {2, 1, 5}, "Ok"};
inline constexpr FixedReply go_ahead{354, {}, "End data with <CR><LF>.<CR><LF>"};
inline constexpr FixedReply bye{221, {2, 0, 0}, "Bye"};
// The same whatever was asked: VRFY must not tell who exists.
inline constexpr FixedReply no_verify{252, {2, 5, 0}, "Cannot VRFY, but will take mail for it"};

inline constexpr FixedReply unknown_command{500, {5, 5, 2}, "Command not recognized"};
inline constexpr FixedReply unserved_command{502, {5, 5, 1}, "Command not implemented"};
inline constexpr FixedReply line_too_long{500, {5, 5, 2}, "Line too long"};
inline constexpr FixedReply bare_cr_in_line{500, {5, 5, 2}, "bare CR in command line"};
inline constexpr FixedReply bare_lf_in_line{500, {5, 5, 2}, "bare LF in command line"};
inline constexpr FixedReply nul_in_line{500, {5, 5, 2}, "NUL in command line"};

inline constexpr FixedReply greet_first{503, {5, 5, 1}, "Send HELO or EHLO first"};
inline constexpr FixedReply need_mail{503, {5, 5, 1}, "Need MAIL first"};
inline constexpr FixedReply need_rcpt{503, {5, 5, 1}, "Need RCPT first"};
inline constexpr FixedReply nested_mail{503, {5, 5, 1}, "Sender already given"};
inline constexpr FixedReply no_valid_recipients{554, {5, 5, 1}, "No valid recipients"};

inline constexpr FixedReply unknown_parameter{555, {5, 5, 4}, "Unknown parameter"};
inline constexpr FixedReply malformed_parameter{501, {5, 5, 4}, "Malformed parameter"};
inline constexpr FixedReply non_ascii_address{553, {5, 6, 7}, "Non-ASCII address needs SMTPUTF8"};
inline constexpr FixedReply too_many_recipients{452, {4, 5, 3}, "Too many recipients"};
inline constexpr FixedReply too_large{552, {5, 3, 4}, "Message too large"};

// RFC 3463 has no detail of its own for octets that may not stand in a message, and X.6.11, which
// some servers use, is not in IANA's registry: so X.6.0, "other or undefined media error".
inline constexpr FixedReply bare_cr_in_data{550, {5, 6, 0}, "bare CR in message data"};
inline constexpr FixedReply bare_lf_in_data{550, {5, 6, 0}, "bare LF in message data"};
inline constexpr FixedReply nul_in_data{550, {5, 6, 0}, "NUL in message data"};

inline constexpr FixedReply too_many_errors{421, {4, 7, 0}, "Too many errors"};
inline constexpr FixedReply too_many_commands{421, {4, 7, 0}, "Too many commands"};
inline constexpr FixedReply too_many_idle{421, {4, 7, 0}, "Too many commands without mail"};
inline constexpr FixedReply too_many_messages{421, {4, 7, 0}, "Too many messages in one session"};
inline constexpr FixedReply timed_out{421, {4, 4, 2}, "Time-out, closing connection"};
inline constexpr FixedReply shutting_down{421, {4, 3, 2}, "Service shutting down"};
inline constexpr FixedReply local_error{451, {4, 3, 0}, "Local error, try again later"};

}  // namespace replies
}  // namespace cordon::smtp
