#include "smtp/xclient.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "smtp/ip_text.h"
#include "smtp/text.h"
#include "smtp/xtext.h"

namespace cordon::smtp {
namespace {

using A = XclientAttribute;

constexpr std::size_t max_value = 255;  // of a host name (RFC 5321 4.5.3.1.2); for all, decoded
constexpr std::string_view ipv6_prefix = "IPV6:";

constexpr std::array<std::pair<A, std::string_view>, 6> names{{
    {A::name, "NAME"},
    {A::addr, "ADDR"},
    {A::port, "PORT"},
    {A::proto, "PROTO"},
    {A::helo, "HELO"},
    {A::login, "LOGIN"},
}};

constexpr unsigned bit(A attribute) { return static_cast<unsigned>(attribute); }

std::optional<A> attribute_named(std::string_view word) {
  for (const auto& [attribute, name] : names) {
    if (same_ignoring_case(word, name)) return attribute;
  }
  return std::nullopt;
}

std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

bool is_unavailable(std::string_view value) {
  return same_ignoring_case(value, "[UNAVAILABLE]") || same_ignoring_case(value, "[TEMPUNAVAIL]");
}

bool is_text(std::string_view value) {
  return !value.empty() && value.size() <= max_value && is_well_formed_utf8(value) &&
         std::none_of(value.begin(), value.end(), is_control);
}

// A host name as DNS or EHLO gives it: one word.
bool is_host(std::string_view value) {
  return is_text(value) && value.find(' ') == std::string_view::npos;
}

bool read_text(std::string_view value, bool (*is_good)(std::string_view), std::string& target) {
  auto decoded = decode_xtext_octets(value);
  if (!decoded || !is_good(*decoded)) return false;
  target = std::move(*decoded);
  return true;
}

bool read_address(std::string_view value, std::string& target) {
  const bool v6 = same_ignoring_case(value.substr(0, ipv6_prefix.size()), ipv6_prefix);
  if (v6) value.remove_prefix(ipv6_prefix.size());
  const auto address = parse_ip(value);
  if (!address || address->v6 != v6) return false;
  target = to_text(*address);
  return true;
}

bool read_port(std::string_view value, std::uint16_t& target) {
  if (value.empty() || !std::all_of(value.begin(), value.end(), is_digit)) return false;
  const auto end = value.data() + value.size();
  return std::from_chars(value.data(), end, target).ec == std::errc() && target != 0;
}

bool read_protocol(std::string_view value, bool& esmtp) {
  esmtp = same_ignoring_case(value, "ESMTP");
  return esmtp || same_ignoring_case(value, "SMTP");
}

void make_untold(A attribute, ClientFacts& facts) {
  switch (attribute) {
    case A::name:
      return facts.name.clear();
    case A::addr:
      return facts.address.clear();
    case A::port:
      facts.port = 0;
      return;
    case A::proto:
      facts.esmtp = true;
      return;
    case A::helo:
      return facts.helo.clear();
    case A::login:
      return facts.login.clear();
  }
}

bool read_value(A attribute, std::string_view value, ClientFacts& facts) {
  if (is_unavailable(value)) {
    make_untold(attribute, facts);
    return true;
  }
  switch (attribute) {
    case A::name:
      return read_text(value, is_host, facts.name);
    case A::addr:
      return read_address(value, facts.address);
    case A::port:
      return read_port(value, facts.port);
    case A::proto:
      return read_protocol(value, facts.esmtp);
    case A::helo:
      return read_text(value, is_host, facts.helo);
    case A::login:
      return read_text(value, is_text, facts.login);
  }
  return false;
}

// What nobody could read is not told. A name that looks like "not told" must not be taken for that.
std::string encode_text(std::string_view text, bool (*is_good)(std::string_view)) {
  if (!is_good(text)) return {};
  std::string value = encode_xtext(text);
  if (is_unavailable(value)) value.replace(0, 1, "+5B");
  return value;
}

// The value as it goes on the wire; empty if it is not told.
std::string value_of(A attribute, const ClientFacts& facts) {
  switch (attribute) {
    case A::name:
      return encode_text(facts.name, is_host);
    case A::addr: {
      const auto address = parse_ip(facts.address);
      if (!address) return {};
      return (address->v6 ? std::string(ipv6_prefix) : std::string()) + to_text(*address);
    }
    case A::port:
      return facts.port == 0 ? std::string() : std::to_string(facts.port);
    case A::proto:
      return facts.esmtp ? "ESMTP" : "SMTP";
    case A::helo:
      return encode_text(facts.helo, is_host);
    case A::login:
      return encode_text(facts.login, is_text);
  }
  return {};
}

}  // namespace

std::string_view xclient_keyword_value() { return "NAME ADDR PORT PROTO HELO LOGIN"; }

XclientAttributes read_xclient_offer(std::string_view words) {
  unsigned offered = 0;
  for (auto word = take_word(words); !word.empty(); word = take_word(words)) {
    if (const auto attribute = attribute_named(word)) offered |= bit(*attribute);
  }
  return static_cast<XclientAttributes>(offered);
}

std::optional<XclientError> read_xclient(std::string_view text, ClientFacts& facts) {
  unsigned seen = 0;
  for (auto word = take_word(text); !word.empty(); word = take_word(text)) {
    const std::size_t equals = word.find('=');
    if (equals == std::string_view::npos) return XclientError::malformed;
    const auto attribute = attribute_named(word.substr(0, equals));
    if (!attribute) return XclientError::unknown;
    if ((seen & bit(*attribute)) != 0) return XclientError::malformed;
    seen |= bit(*attribute);
    if (!read_value(*attribute, word.substr(equals + 1), facts)) return XclientError::malformed;
  }
  if (seen == 0) return XclientError::nothing_told;
  return std::nullopt;
}

std::string format_xclient(const ClientFacts& facts, XclientAttributes offered) {
  std::string line;
  for (const auto& [attribute, name] : names) {
    if ((offered & bit(attribute)) == 0) continue;
    const std::string value = value_of(attribute, facts);
    if (line.empty()) line = "XCLIENT";
    line.append(" ").append(name).append("=").append(value.empty() ? "[UNAVAILABLE]" : value);
  }
  return line;
}

std::string client_record(const ClientFacts& facts) {
  std::string record;
  for (const auto& [attribute, name] : names) {
    const std::string value = value_of(attribute, facts);
    if (value.empty()) continue;
    if (!record.empty()) record += ' ';
    record.append(name).append("=").append(value);
  }
  return record;
}

std::optional<ClientFacts> read_client_record(std::string_view text) {
  ClientFacts facts;
  if (read_xclient(text, facts)) return std::nullopt;
  return facts;
}

}  // namespace cordon::smtp
