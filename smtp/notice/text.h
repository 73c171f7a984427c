// Text of mail headers made safe and readable: UTF-8, RFC 2047 encoded words, dates, addresses.
// What comes in may be hostile; what goes out never holds a line break that was not put there here.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace cordon::notice {

using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

// `text` as clean UTF-8 of at most `max_code_points`. White space runs become one space; malformed
// octets become U+FFFD; controls, bidirectional overrides, invisible and unassigned-for-use code
// points (which could make a subject read as something else) are taken away.
std::string clean_text(std::string_view text, std::size_t max_code_points);

// Decodes the encoded words of an unstructured header (RFC 2047 section 6). UTF-8, US-ASCII,
// ISO-8859-1 and Windows-1252 become UTF-8; words in another charset stay as they are: converters
// for all the others (iconv) have a history of faults, and this reads hostile input.
std::string decode_words(std::string_view header);

// Encodes clean UTF-8 for an unstructured header whose name and colon took `used` columns. ASCII
// stays as it is. Folded at 76 columns, without a final CRLF.
std::string encode_words(std::string_view text, std::size_t used);

// `text`, printable ASCII, folded before words at 76 columns; `used` as above. A word longer than a
// line stays whole up to 900 octets.
std::string fold(std::string_view text, std::size_t used);

bool is_ascii(std::string_view text);

// Printable ASCII of `text`, every other octet as "?", at most `max_octets`.
std::string printable(std::string_view text, std::size_t max_octets);

// "Sun, 22 Nov 2026 03:59:42 +0000" (RFC 5322 3.3).
std::string mail_date(WallTime at);

// "2026-11-22 03:59:42 UTC", for people.
std::string readable_time(WallTime at);

// Whether `id` is a message identifier fit to be repeated: "<left@right>" of atoms, dots and a
// domain literal (RFC 5322 3.6.4), at most 250 octets. Stricter than some mail software writes.
bool is_message_id(std::string_view id);

// Whether `address` is a plain mailbox (dot-atom at domain or IPv4/IPv6 literal, ASCII, at most 254
// octets) that can stand in any header without quoting.
bool is_plain_address(std::string_view address);

}  // namespace cordon::notice
