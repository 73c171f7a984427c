// The commands of SMTP as a table (RFC 5321 4.1.1): what each needs before it, what may follow its
// name, and how it counts. The server automaton obeys the table; a command is changed here.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace cordon::smtp {

enum class Verb : std::uint8_t {
  helo,
  ehlo,
  mail,
  rcpt,
  data,
  rset,
  noop,
  vrfy,
  help,
  quit,
  bdat,
  starttls,
  auth,
  xclient,
  unserved,  // known to SMTP, not served here: 502
};

// What may stand behind the name.
enum class ArgumentRule : std::uint8_t {
  none,       // nothing, else 501
  any,        // nothing or anything: never looked at
  host,       // one word that names a host (RFC 5321 4.1.1.1)
  from_path,  // "FROM:" and a reverse path
  to_path,    // "TO:" and a forward path
};

struct CommandRule {
  std::string_view name;
  Verb verb;
  ArgumentRule argument;
  bool needs_greeting;      // 503 before HELO or EHLO
  bool needs_transaction;   // 503 before MAIL
  bool bars_transaction;    // 503 after MAIL
  bool before_tls;          // served where TLS is required and not there yet (RFC 3207 4)
  bool idle;                // moves no mail: only so many in a row
  bool refusal_is_error;    // the carrier's 5xx counts as an error; honest lists meet unknown users
  std::string_view syntax;  // shown in a 501 and by HELP
};

std::span<const CommandRule> command_table();

struct ParsedCommand {
  const CommandRule* rule = nullptr;  // null: no such command
  std::string_view argument;          // behind the name and its "FROM:"/"TO:", spaces around gone
  bool argument_fits = true;          // as far as the table can tell
};

// `line` without its CRLF. Names and "FROM:"/"TO:" in any case; trailing blanks are borne.
ParsedCommand parse_command(std::string_view line);

}  // namespace cordon::smtp
