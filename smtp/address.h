// The address grammar of SMTP (RFC 5321 4.1.2, 4.1.3; RFC 6531 3.3): mailboxes, reverse and forward
// paths. Values only: no I/O, no state, safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <boost/system/result.hpp>

namespace cordon::smtp {

// Why an address was refused. Each illegal form that mail software meets in the wild has a name.
enum class AddressError : std::uint8_t {
  missing_brackets,     // no "<" ... ">"
  empty,                // "<>" where a null path is not allowed
  bad_local_part,       // neither dot-string nor quoted-string
  local_part_too_long,  // over 64 octets (RFC 5321 4.5.3.1.1)
  bad_domain,           // not a domain, nor an address literal
  domain_too_long,      // over 255 octets (RFC 5321 4.5.3.1.2)
  bad_literal,          // "[...]" that is no IPv4, IPv6 or general address literal
  path_too_long,        // over 256 octets (RFC 5321 4.5.3.1.3)
  bad_source_route,     // "@a,@b:" malformed
  non_ascii,            // octets above 0x7F and SMTPUTF8 not in force
  bad_utf8,             // SMTPUTF8 in force, but not well-formed UTF-8
  trailing_garbage,     // something after ">" that is not a parameter
};

// A sentence for the client, in ASCII, without a final full stop.
std::string_view describe(AddressError error);

// One mailbox, as given by the client but for the quoting: `local` holds the local part with quotes
// and backslashes taken away, so "a.b"@x and a.b@x are equal here.
struct Mailbox {
  std::string local;   // 1..64 octets; may be empty only for the quoted empty string ""
  std::string domain;  // as written, without trailing change; "[...]" for a literal; empty only for
                       // the bare <postmaster> of RFC 5321 4.1.1.3

  // RFC 5321 form, the local part quoted again where it must be.
  std::string to_string() const;
  bool operator==(const Mailbox&) const = default;
};

// MAIL FROM's path. `null` is the empty reverse path <> of bounces and notices.
struct ReversePath {
  bool null = true;
  Mailbox mailbox;

  // "<>" or "<local@domain>".
  std::string to_string() const;
  bool operator==(const ReversePath&) const = default;
};

// Whether SMTPUTF8 is in force for the command at hand (RFC 6531).
enum class Utf8 : bool { no, yes };

template <typename T>
struct ParsedPath {
  T path;
  std::string_view rest;  // what follows the ">", leading spaces taken away: the parameters
};

// Parses "<...>" at the front of `text`, which begins right after the colon of MAIL FROM: or
// RCPT TO:; leading spaces are tolerated. Source routes are accepted and dropped (RFC 5321
// appendix C). RCPT accepts the bare <postmaster>, in any case.
boost::system::result<ParsedPath<ReversePath>, AddressError> parse_reverse_path(
    std::string_view text, Utf8 utf8);
boost::system::result<ParsedPath<Mailbox>, AddressError> parse_forward_path(std::string_view text,
                                                                            Utf8 utf8);

// Parses a bare mailbox, "local@domain" without brackets: what conf files and operators write.
boost::system::result<Mailbox, AddressError> parse_mailbox(std::string_view text, Utf8 utf8);

}  // namespace cordon::smtp
