#include "smtp/command.h"

#include <algorithm>
#include <array>

#include "smtp/text.h"

namespace cordon::smtp {
namespace {

using A = ArgumentRule;

constexpr std::size_t max_host = 255;
constexpr bool yes = true;
constexpr bool no = false;

// clang-format off
constexpr std::array<CommandRule, 20> table{{
  // name       verb            argument      greeting  transaction   before idle  refusal   syntax
  //                                          needed    needed barred tls          is error
  {"MAIL",      Verb::mail,     A::from_path, yes,      no,    yes,   no,    no,   yes,      "MAIL FROM:<address> [parameters]"},
  {"RCPT",      Verb::rcpt,     A::to_path,   yes,      yes,   no,    no,    no,   no,       "RCPT TO:<address> [parameters]"},
  {"DATA",      Verb::data,     A::none,      yes,      yes,   no,    no,    no,   yes,      "DATA"},
  // Its octets must be taken whatever the state, so its needs are looked at where it is obeyed.
  {"BDAT",      Verb::bdat,     A::any,       no,       no,    no,    yes,   no,   yes,      "BDAT size [LAST]"},
  {"EHLO",      Verb::ehlo,     A::host,      no,       no,    no,    yes,   no,   yes,      "EHLO hostname"},
  {"HELO",      Verb::helo,     A::host,      no,       no,    no,    no,    no,   yes,      "HELO hostname"},
  {"STARTTLS",  Verb::starttls, A::none,      no,       no,    yes,   yes,   no,   yes,      "STARTTLS"},
  {"AUTH",      Verb::auth,     A::any,       no,       no,    yes,   no,    no,   yes,      "AUTH mechanism [initial-response]"},
  {"XCLIENT",   Verb::xclient,  A::any,       no,       no,    yes,   yes,   no,   yes,      "XCLIENT attribute=value ..."},
  {"RSET",      Verb::rset,     A::none,      no,       no,    no,    no,    yes,  yes,      "RSET"},
  {"NOOP",      Verb::noop,     A::any,       no,       no,    no,    yes,   yes,  yes,      "NOOP [text]"},
  {"VRFY",      Verb::vrfy,     A::any,       no,       no,    no,    no,    yes,  yes,      "VRFY address"},
  {"HELP",      Verb::help,     A::any,       no,       no,    no,    no,    yes,  yes,      "HELP"},
  {"QUIT",      Verb::quit,     A::none,      no,       no,    no,    yes,   no,   yes,      "QUIT"},
  {"EXPN",      Verb::unserved, A::any,       no,       no,    no,    no,    no,   yes,      ""},
  {"ETRN",      Verb::unserved, A::any,       no,       no,    no,    no,    no,   yes,      ""},
  {"TURN",      Verb::unserved, A::any,       no,       no,    no,    no,    no,   yes,      ""},
  {"SEND",      Verb::unserved, A::any,       no,       no,    no,    no,    no,   yes,      ""},
  {"SOML",      Verb::unserved, A::any,       no,       no,    no,    no,    no,   yes,      ""},
  {"SAML",      Verb::unserved, A::any,       no,       no,    no,    no,    no,   yes,      ""},
}};
// clang-format on

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") + 1 - first);
}

// One word of printable ASCII. RFC 5321 wants a domain or a literal; hosts in the wild give names
// with underscores or bare addresses, and the real server would take them too.
bool names_host(std::string_view text) {
  return !text.empty() && text.size() <= max_host &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

bool drop_prefix(std::string_view& text, std::string_view prefix) {
  if (!same_ignoring_case(text.substr(0, prefix.size()), prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool fits(ArgumentRule rule, std::string_view& argument) {
  switch (rule) {
    case A::none:
      return argument.empty();
    case A::any:
      return true;
    case A::host:
      return names_host(argument);
    case A::from_path:
      return drop_prefix(argument, "FROM:");
    case A::to_path:
      return drop_prefix(argument, "TO:");
  }
  return false;
}

}  // namespace

std::span<const CommandRule> command_table() { return table; }

ParsedCommand parse_command(std::string_view line) {
  const std::string_view name = line.substr(0, line.find_first_of(" \t"));
  for (const CommandRule& rule : table) {
    if (!same_ignoring_case(name, rule.name)) continue;
    ParsedCommand command{&rule, trimmed(line.substr(name.size())), true};
    command.argument_fits = fits(rule.argument, command.argument);
    return command;
  }
  return {};
}

}  // namespace cordon::smtp
