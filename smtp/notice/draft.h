// What all notices are put together from: header fields and parts. Internal to this room.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "smtp/notice/notice.h"

namespace cordon::notice {

// One field with CRLF at its end. `value` is repeated as it is, but that a line break or another
// control in it becomes "?".
std::string field(std::string_view name, std::string_view value);

// A field of free text: clean UTF-8, encoded and folded as it must be.
std::string text_field(std::string_view name, std::string_view value);

// From, To, Subject, Date, Message-ID, Auto-Submitted ("auto-generated" or "auto-replied"),
// MIME-Version.
std::string head_fields(const NoticeHead& head, std::string_view subject,
                        std::string_view auto_submitted);

// In-Reply-To and References for these ids, the newest last; nothing for none. Each id must be a
// message id already.
std::string thread_fields(const std::vector<std::string>& ids);

// Lines ended by CRLF, whatever ended them before; the last one too.
std::string with_crlf(std::string_view text);

// Which of the encodings that encode nothing can carry `text` (RFC 2045 2.7, 2.8): `none` with a
// line over 998 octets, a NUL, or a CR or LF that ends no line together with the other.
enum class Identity : std::uint8_t { seven_bit, eight_bit, none };
Identity identity_of(std::string_view text);

// Content-Type, Content-Transfer-Encoding, the empty line and the content. 7bit where the text
// allows it, else quoted-printable. `type` is without charset; `charset` says whether to name one.
enum class NameCharset : bool { no, yes };
std::string part(std::string_view type, NameCharset charset, std::string_view text);

// `address` if it can stand in a header as it is, else a quoted or replaced form that can.
std::string header_address(std::string_view address);

}  // namespace cordon::notice
