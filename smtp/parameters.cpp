#include "smtp/parameters.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "smtp/text.h"
#include "smtp/xtext.h"

namespace cordon::smtp {
namespace {

constexpr std::size_t max_envid = 100;  // RFC 3461 4.4
constexpr std::size_t max_orcpt = 500;  // RFC 3461 4.2
constexpr std::size_t max_auth = 500;   // RFC 4954 3

using Fault = std::optional<ParameterError>;

struct Parameter {
  std::string_view name;
  std::string_view value;
  bool has_value = false;
};

// esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")
bool is_keyword(std::string_view name) {
  return !name.empty() && name.front() != '-' &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_alnum(c) || c == '-'; });
}

// esmtp-value: printable but "=" and space; UTF-8 too (RFC 6531 3.3).
bool is_value(std::string_view value) {
  return !value.empty() && is_well_formed_utf8(value) &&
         std::none_of(value.begin(), value.end(),
                      [](char c) { return c == '=' || c == ' ' || is_control(c); });
}

// Takes the next parameter off the front of `text`; a null name at its end.
Parameter take_parameter(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) return {word, {}, false};
  return {word.substr(0, equals), word.substr(equals + 1), true};
}

bool read_size(const Parameter& given, Envelope& envelope) {
  if (given.value.size() > 20 || !std::all_of(given.value.begin(), given.value.end(), is_digit)) {
    return false;
  }
  std::uint64_t size = 0;
  const auto end = given.value.data() + given.value.size();
  const auto read = std::from_chars(given.value.data(), end, size);
  if (read.ec == std::errc::result_out_of_range) size = std::numeric_limits<std::uint64_t>::max();
  envelope.declared_size = size;
  return true;
}

bool read_body(const Parameter& given, Envelope& envelope) {
  if (same_ignoring_case(given.value, "8BITMIME")) {
    envelope.body = BodyType::eight_bit_mime;
  } else if (same_ignoring_case(given.value, "7BIT")) {
    envelope.body = BodyType::seven_bit;
  } else {
    return false;
  }
  return true;
}

bool read_smtputf8(const Parameter& given, Envelope& envelope) {
  envelope.smtputf8 = true;
  return !given.has_value;
}

bool read_ret(const Parameter& given, Envelope& envelope) {
  if (same_ignoring_case(given.value, "FULL")) {
    envelope.ret = DsnReturn::full;
  } else if (same_ignoring_case(given.value, "HDRS")) {
    envelope.ret = DsnReturn::headers;
  } else {
    return false;
  }
  return true;
}

bool read_envid(const Parameter& given, Envelope& envelope) {
  if (given.value.size() > max_envid || !decode_xtext(given.value)) return false;
  envelope.envid = given.value;
  return true;
}

// RFC 4954 5: the mailbox that the message was first submitted by, as xtext, or "<>". No client
// here is trusted to say so for another, and such a claim is to be dropped.
bool is_submitter(const Parameter& given) {
  return given.value == "<>" || (given.has_value && given.value.size() <= max_auth &&
                                 decode_xtext(given.value).has_value());
}

bool read_notify(const Parameter& given, Recipient& recipient) {
  if (same_ignoring_case(given.value, "NEVER")) {
    recipient.notify = notify::never;
    return true;
  }
  for (std::string_view list = given.value;;) {
    const std::size_t comma = list.find(',');
    const std::string_view word = list.substr(0, comma);
    if (same_ignoring_case(word, "SUCCESS")) {
      recipient.notify |= notify::success;
    } else if (same_ignoring_case(word, "FAILURE")) {
      recipient.notify |= notify::failure;
    } else if (same_ignoring_case(word, "DELAY")) {
      recipient.notify |= notify::delay;
    } else {
      return false;
    }
    if (comma == std::string_view::npos) return true;
    list.remove_prefix(comma + 1);
  }
}

// original-recipient-address = addr-type ";" xtext; under SMTPUTF8 that may stand for UTF-8, and
// with type "utf-8" the address may be UTF-8 as it is.
bool read_orcpt(const Parameter& given, Utf8 utf8, Recipient& recipient) {
  const std::size_t semicolon = given.value.find(';');
  if (semicolon == std::string_view::npos || given.value.size() > max_orcpt) return false;
  const std::string_view type = given.value.substr(0, semicolon);
  const std::string_view address = given.value.substr(semicolon + 1);
  if (!is_keyword(type) || address.empty()) return false;
  const bool plain_utf8 = utf8 == Utf8::yes && same_ignoring_case(type, "utf-8");
  const bool is_xtext =
      (utf8 == Utf8::yes ? decode_xtext_utf8(address) : decode_xtext(address)).has_value();
  if (!(plain_utf8 && has_non_ascii(address)) && !is_xtext) return false;
  recipient.orcpt = given.value;
  return true;
}

// What the loops share: `read` gives nothing for a name it does not know, else whether the value
// was good and which bit stands for the name.
struct Read {
  bool good;
  unsigned bit;
};

template <typename ReadOne>
Fault read_all(std::string_view text, bool extended, ReadOne read_one) {
  unsigned seen = 0;
  while (true) {
    const Parameter given = take_parameter(text);
    if (given.name.empty() && !given.has_value) return std::nullopt;
    if (!extended) return ParameterError::unknown;
    if (!is_keyword(given.name)) return ParameterError::malformed;
    if (given.has_value && !is_value(given.value)) return ParameterError::malformed;
    const std::optional<Read> read = read_one(given);
    if (!read) return ParameterError::unknown;
    if (!read->good || (seen & read->bit) != 0) return ParameterError::malformed;
    seen |= read->bit;
  }
}

}  // namespace

Fault read_mail_parameters(std::string_view text, const OfferedParameters& offered,
                           Envelope& envelope) {
  return read_all(text, offered.extended, [&](const Parameter& given) -> std::optional<Read> {
    const auto named = [&](std::string_view name) { return same_ignoring_case(given.name, name); };
    if (named("SIZE")) return Read{given.has_value && read_size(given, envelope), 1};
    if (named("RET") && offered.dsn) return Read{read_ret(given, envelope), 2};
    if (named("ENVID") && offered.dsn) {
      return Read{given.has_value && read_envid(given, envelope), 4};
    }
    if (named("BODY") && offered.eight_bit_mime) return Read{read_body(given, envelope), 8};
    if (named("SMTPUTF8") && offered.smtputf8) return Read{read_smtputf8(given, envelope), 16};
    if (named("AUTH") && offered.auth) return Read{is_submitter(given), 32};
    return std::nullopt;
  });
}

Fault read_rcpt_parameters(std::string_view text, const OfferedParameters& offered, Utf8 utf8,
                           Recipient& recipient) {
  return read_all(text, offered.extended, [&](const Parameter& given) -> std::optional<Read> {
    const auto named = [&](std::string_view name) { return same_ignoring_case(given.name, name); };
    if (!offered.dsn) return std::nullopt;
    if (named("NOTIFY")) return Read{read_notify(given, recipient), 1};
    if (named("ORCPT")) return Read{read_orcpt(given, utf8, recipient), 2};
    return std::nullopt;
  });
}

}  // namespace cordon::smtp
