// What the server automaton does for each command of the table in command.cpp.
#include "smtp/server_state.h"
#include "smtp/text.h"
#include "smtp/xclient.h"

namespace cordon::smtp {
namespace {

constexpr EnhancedStatus bad_sender{5, 1, 7};     // RFC 3463 3.2: bad sender's mailbox syntax
constexpr EnhancedStatus bad_recipient{5, 1, 3};  // bad destination mailbox syntax
constexpr EnhancedStatus bad_argument{5, 5, 4};

const FixedReply& line_fault_reply(LineFault fault, bool of_auth) {
  switch (fault) {
    case LineFault::bare_cr:
      return replies::bare_cr_in_line;
    case LineFault::bare_lf:
      return replies::bare_lf_in_line;
    case LineFault::nul:
      return replies::nul_in_line;
    default:
      return of_auth ? replies::auth_line_too_long : replies::line_too_long;
  }
}

const FixedReply& parameter_reply(ParameterError error) {
  return error == ParameterError::unknown ? replies::unknown_parameter
                                          : replies::malformed_parameter;
}

bool has_non_ascii(const Mailbox& mailbox) {
  return smtp::has_non_ascii(mailbox.local) || smtp::has_non_ascii(mailbox.domain);
}

}  // namespace

void ServerAutomaton::State::obey(Line line) {
  const ParsedCommand command = parse_command(line.text);
  const bool is_auth = command.rule != nullptr && command.rule->verb == Verb::auth;
  if (!is_auth && line.text.size() + 2 > max_command_line) {
    line = {line.text.substr(0, max_command_line - 2), LineFault::too_long};
  }
  record_command(line, command);
  if (++commands > options->max_commands) return leave(last_words::too_many_commands);
  if (spoke_foreign(line.text)) return;
  if (line.fault != LineFault::none) return refuse_line(line.fault, command);
  if (command.rule == nullptr) return say_error(replies::unknown_command);

  const CommandRule& rule = *command.rule;
  stray_secret = rule.verb == Verb::auth;  // until another command is understood
  if (rule.verb == Verb::bdat) return bdat(command.argument);
  chunks_refused = false;
  if (options->require_tls && !tls && !rule.before_tls) return say_error(replies::tls_first);
  if (rule.verb == Verb::unserved) return say_error(replies::unserved_command);
  if (rule.idle && ++idle_commands > options->max_idle_commands) {
    return leave(last_words::too_many_idle);
  }
  if (rule.needs_greeting && helo_name.empty()) return say_error(replies::greet_first);
  if (rule.needs_transaction && !in_transaction) return say_error(replies::need_mail);
  if (rule.bars_transaction && in_transaction) {
    return say_error(rule.verb == Verb::mail ? replies::nested_mail : replies::within_transaction);
  }
  if (rule.verb == Verb::rcpt) rcpt_seen = true;
  if (!command.argument_fits) {
    return say_error(501, bad_argument, std::string("Syntax: ").append(rule.syntax));
  }
  perform(rule, command.argument);
}

// What follows a BDAT that cannot be read may be its chunk.
void ServerAutomaton::State::refuse_line(LineFault fault, const ParsedCommand& command) {
  const auto is = [&](Verb verb) { return command.rule != nullptr && command.rule->verb == verb; };
  if (is(Verb::bdat)) return leave(last_words::unknown_chunk_size);
  if (is(Verb::auth)) stray_secret = true;
  say_error(line_fault_reply(fault, is(Verb::auth)));
}

void ServerAutomaton::State::perform(const CommandRule& rule, std::string_view argument) {
  switch (rule.verb) {
    case Verb::helo:
      return hello(argument, false);
    case Verb::ehlo:
      return hello(argument, true);
    case Verb::mail:
      return mail(argument);
    case Verb::rcpt:
      return rcpt(argument);
    case Verb::data:
      return data();
    case Verb::rset:
      abandon_transaction();
      return say(replies::ok);
    case Verb::noop:
      return say(replies::ok);
    case Verb::vrfy:
      return say(replies::no_verify);
    case Verb::help:
      return help();
    case Verb::quit:
      return leave(last_words::bye);
    case Verb::bdat:
      return bdat(argument);
    case Verb::starttls:
      return starttls();
    case Verb::auth:
      return auth(argument);
    case Verb::xclient:
      return xclient(argument);
    case Verb::unserved:
      return say_error(replies::unserved_command);
  }
}

void ServerAutomaton::State::greet() {
  if (shutting_down) return leave(last_words::shutting_down);
  std::string words = options->hostname;
  if (!options->greeting_text.empty()) words.append(" ").append(options->greeting_text);
  say(220, {}, words);
  phase = Phase::command;
}

// RFC 6531 3.1 lets SMTPUTF8 stand only beside 8BITMIME.
bool ServerAutomaton::State::offers_utf8() const {
  return options->smtputf8 && options->eight_bit_mime;
}

bool ServerAutomaton::State::serves(Verb verb) const {
  switch (verb) {
    case Verb::bdat:
      return options->chunking;
    case Verb::starttls:
      return options->starttls && !tls;
    case Verb::auth:
      return offers_auth();
    case Verb::xclient:
      return xclient_allowed;
    case Verb::unserved:
      return false;
    default:
      return true;
  }
}

// HELO and EHLO end a transaction as RSET does (RFC 5321 4.1.4). Behind one that came after XCLIENT
// the client itself may speak, by a relay that passes all on from there: it is nobody to trust.
void ServerAutomaton::State::hello(std::string_view name, bool with_extensions) {
  abandon_transaction();
  xclient_allowed = xclient_allowed && !client_was_told;
  helo_name = name;
  extended = with_extensions;
  say(250, {}, extended ? options->hostname + extensions() : options->hostname);
}

// A line each.
std::string ServerAutomaton::State::extensions() const {
  std::string words = "\nPIPELINING\nSIZE " + std::to_string(options->max_message_octets);
  const auto offer = [&](bool offered, std::string_view line) {
    if (offered) words.append("\n").append(line);
  };
  offer(options->eight_bit_mime, "8BITMIME");
  offer(offers_utf8(), "SMTPUTF8");
  offer(serves(Verb::starttls), "STARTTLS");
  offer(offers_auth(), "AUTH");
  for (const Mechanism one :
       {Mechanism::plain, Mechanism::login, Mechanism::xoauth2, Mechanism::oauthbearer}) {
    if (offers_auth() && has(options->mechanisms, one)) words.append(" ").append(name_of(one));
  }
  offer(true, "ENHANCEDSTATUSCODES");
  offer(options->dsn, "DSN");
  offer(options->chunking, "CHUNKING");
  offer(xclient_allowed, "XCLIENT ");
  if (xclient_allowed) words.append(xclient_keyword_value());
  return words;
}

OfferedParameters ServerAutomaton::State::offered_parameters() const {
  return {.extended = extended,
          .eight_bit_mime = options->eight_bit_mime,
          .smtputf8 = offers_utf8(),
          .dsn = options->dsn,
          .auth = offers_auth()};
}

void ServerAutomaton::State::mail(std::string_view argument) {
  if (options->require_auth && !authenticated) return say_error(replies::auth_first);
  if (options->max_messages != 0 && transactions >= options->max_messages) {
    return leave(last_words::too_many_messages);
  }
  const Utf8 utf8 = extended && offers_utf8() ? Utf8::yes : Utf8::no;
  auto parsed = parse_reverse_path(argument, utf8);
  if (!parsed) return refuse_address(parsed.error(), bad_sender);

  forget_envelope();
  envelope.sender = std::move(parsed->path);
  if (const auto fault = read_mail_parameters(parsed->rest, offered_parameters(), envelope)) {
    forget_envelope();
    return say_error(parameter_reply(*fault));
  }
  if (!envelope.smtputf8 && has_non_ascii(envelope.sender.mailbox)) {
    forget_envelope();
    return say_error(replies::non_ascii_address);
  }
  const std::uint64_t limit = options->max_message_octets;
  if (limit != 0 && envelope.declared_size.value_or(0) > limit) {
    forget_envelope();
    return say_error(replies::too_large);
  }
  phase = Phase::sender_check;
}

void ServerAutomaton::State::rcpt(std::string_view argument) {
  if (body_open) return say_error(replies::chunks_begun);
  const Utf8 utf8 = envelope.smtputf8 ? Utf8::yes : Utf8::no;
  auto parsed = parse_forward_path(argument, utf8);
  if (!parsed) return refuse_address(parsed.error(), bad_recipient);

  proposed = {};
  proposed.mailbox = std::move(parsed->path);
  if (const auto fault = read_rcpt_parameters(parsed->rest, offered_parameters(), utf8, proposed)) {
    proposed = {};
    return say_error(parameter_reply(*fault));
  }
  if (envelope.recipients.size() >= options->max_recipients) {
    proposed = {};
    return say(replies::too_many_recipients);
  }
  phase = Phase::recipient_check;
}

void ServerAutomaton::State::data() {
  if (body_open) return say_error(replies::chunks_begun);
  if (!envelope.recipients.empty()) {
    chunks.reset();
    phase = Phase::open_check;
    return;
  }
  say_error(rcpt_seen ? replies::no_valid_recipients : replies::need_rcpt);
}

void ServerAutomaton::State::refuse_address(AddressError why, EnhancedStatus status) {
  if (why == AddressError::non_ascii) return say_error(replies::non_ascii_address);
  say_error(501, status, describe(why));
}

void ServerAutomaton::State::help() {
  std::string words = "Commands:";
  for (const CommandRule& rule : command_table()) {
    if (serves(rule.verb)) words.append("\n").append(rule.syntax);
  }
  say(214, {2, 0, 0}, words);
}

}  // namespace cordon::smtp
