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

inline constexpr FixedReply start_tls{220, {2, 0, 0}, "Ready to start TLS"};
inline constexpr FixedReply authenticated{235, {2, 7, 0}, "Authentication successful"};

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
inline constexpr FixedReply within_transaction{503, {5, 5, 1}, "Not within a mail transaction"};
inline constexpr FixedReply no_valid_recipients{554, {5, 5, 1}, "No valid recipients"};

// CHUNKING (RFC 3030).
inline constexpr FixedReply chunks_begun{503, {5, 5, 1}, "Only BDAT or RSET after BDAT"};
inline constexpr FixedReply chunk_behind_refused{503, {5, 5, 1}, "A chunk before was refused"};

// STARTTLS (RFC 3207).
inline constexpr FixedReply tls_first{530, {5, 7, 0}, "Must issue a STARTTLS command first"};
inline constexpr FixedReply tls_active{503, {5, 5, 1}, "TLS is active already"};

// AUTH (RFC 4954 4 and 6).
inline constexpr FixedReply ehlo_first{503, {5, 5, 1}, "Send EHLO first"};
inline constexpr FixedReply auth_first{530, {5, 7, 0}, "Authentication required"};
inline constexpr FixedReply auth_done{503, {5, 5, 1}, "Authenticated already"};
inline constexpr FixedReply auth_needs_tls{538, {5, 7, 11}, "Encryption required for AUTH"};
inline constexpr FixedReply unknown_mechanism{504, {5, 5, 4}, "Unknown mechanism"};
inline constexpr FixedReply auth_cancelled{501, {5, 0, 0}, "Authentication cancelled"};
inline constexpr FixedReply auth_undecodable{501, {5, 5, 2}, "Cannot decode the response"};
inline constexpr FixedReply auth_malformed{501, {5, 5, 2}, "Malformed response"};
inline constexpr FixedReply auth_line_too_long{
    500, {5, 5, 6}, "Authentication exchange line is too long"};
inline constexpr FixedReply bad_credentials{535, {5, 7, 8}, "Authentication credentials invalid"};
inline constexpr FixedReply auth_trouble{454, {4, 7, 0}, "Temporary authentication failure"};

// XCLIENT (Postfix, XCLIENT_README).
inline constexpr FixedReply xclient_barred{550, {5, 7, 0}, "Not authorized to use XCLIENT"};
inline constexpr FixedReply unknown_attribute{501, {5, 5, 4}, "Unknown attribute"};
inline constexpr FixedReply malformed_attribute{501, {5, 5, 4}, "Malformed attribute"};

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

inline constexpr FixedReply local_error{451, {4, 3, 0}, "Local error, try again later"};

}  // namespace replies

// What a session is closed with, and why, in words for a log.
struct LastWords {
  FixedReply reply;
  std::string_view reason;
};

namespace last_words {

inline constexpr LastWords bye{replies::bye, "quit"};
inline constexpr LastWords too_many_errors{{421, {4, 7, 0}, "Too many errors"}, "too many errors"};
inline constexpr LastWords too_many_commands{{421, {4, 7, 0}, "Too many commands"},
                                             "too many commands"};
inline constexpr LastWords too_many_idle{{421, {4, 7, 0}, "Too many commands without mail"},
                                         "too many commands without mail"};
inline constexpr LastWords too_many_messages{{421, {4, 7, 0}, "Too many messages in one session"},
                                             "too many messages"};
inline constexpr LastWords too_many_auth_failures{
    {421, {4, 7, 0}, "Too many authentication failures"}, "too many authentication failures"};
inline constexpr LastWords timed_out{{421, {4, 4, 2}, "Time-out, closing connection"}, "time-out"};
inline constexpr LastWords shutting_down{{421, {4, 3, 2}, "Service shutting down"}, "shutdown"};
// Its octets cannot be told from the commands behind them.
inline constexpr LastWords unknown_chunk_size{{421, {4, 5, 4}, "Syntax: BDAT size [LAST]"},
                                              "chunk of unknown size"};
// Somebody in the middle put it there, to be taken for what comes under TLS (RFC 3207 6).
inline constexpr LastWords input_behind_starttls{{421, {4, 7, 0}, "Input behind STARTTLS"},
                                                 "input behind STARTTLS"};
// Followed by the protocol.
inline constexpr FixedReply not_smtp{421, {4, 5, 2}, "This is SMTP, closing connection"};

}  // namespace last_words
}  // namespace cordon::smtp
