#include "smtp/address.h"

#include <algorithm>
#include <optional>

#include "smtp/address_literal.h"
#include "smtp/text.h"

namespace cordon::smtp {
namespace {

using boost::system::result;

constexpr std::size_t max_local = 64;    // RFC 5321 4.5.3.1.1
constexpr std::size_t max_domain = 255;  // RFC 5321 4.5.3.1.2
constexpr std::size_t max_path = 256;    // RFC 5321 4.5.3.1.3, brackets and all
constexpr std::size_t max_label = 63;    // RFC 1035 2.3.4

bool is_atext(char c) {
  return is_alnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

// Length of the character above U+007F at the front of `text`, or why it may not stand there.
result<std::size_t, AddressError> non_ascii_length(std::string_view text, Utf8 utf8) {
  if (utf8 == Utf8::no) return AddressError::non_ascii;
  const std::size_t length = utf8_sequence_length(text);
  if (length == 0) return AddressError::bad_utf8;
  return length;
}

// Dot-string = Atom *("." Atom).
bool is_dot_string(std::string_view text) {
  if (text.empty() || text.front() == '.' || text.back() == '.') return false;
  if (text.find("..") != std::string_view::npos) return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c == '.' || is_non_ascii(c) || is_atext(c); });
}

result<std::string, AddressError> take_dot_string(std::string_view& text, Utf8 utf8) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (is_non_ascii(text[at])) {
      const auto length = non_ascii_length(text.substr(at), utf8);
      if (!length) return length.error();
      at += *length;
    } else if (text[at] == '.' || is_atext(text[at])) {
      ++at;
    } else {
      break;
    }
  }
  const std::string_view local = text.substr(0, at);
  if (!is_dot_string(local)) return AddressError::bad_local_part;
  if (local.size() > max_local) return AddressError::local_part_too_long;
  text.remove_prefix(at);
  return std::string(local);
}

// Gives the string without quotes and backslashes. The limit counts the written form, so that
// whatever was accepted can be written again.
result<std::string, AddressError> take_quoted_string(std::string_view& text, Utf8 utf8) {
  std::string local;
  std::size_t at = 1;
  while (at < text.size() && text[at] != '"') {
    std::size_t length = 1;
    if (is_non_ascii(text[at])) {
      const auto high = non_ascii_length(text.substr(at), utf8);
      if (!high) return high.error();
      length = *high;
    } else {
      if (text[at] == '\\' && ++at == text.size()) return AddressError::bad_local_part;
      if (is_control(text[at]) || is_non_ascii(text[at])) return AddressError::bad_local_part;
    }
    local.append(text.substr(at, length));
    at += length;
  }
  if (at >= text.size()) return AddressError::bad_local_part;
  if (at + 1 > max_local) return AddressError::local_part_too_long;
  text.remove_prefix(at + 1);
  return local;
}

result<std::string, AddressError> take_local_part(std::string_view& text, Utf8 utf8) {
  if (!text.empty() && text.front() == '"') return take_quoted_string(text, utf8);
  return take_dot_string(text, utf8);
}

// sub-domain = Let-dig [Ldh-str] (RFC 5321 4.1.2), or a U-label (RFC 6531 3.3).
bool is_label(std::string_view label) {
  if (label.empty() || label.front() == '-' || label.back() == '-') return false;
  if (label.size() > max_label && !has_non_ascii(label)) return false;
  return std::all_of(label.begin(), label.end(),
                     [](char c) { return is_alnum(c) || c == '-' || is_non_ascii(c); });
}

// One trailing dot (the root) is borne: servers in the wild take it, so it must be seen and
// matched.
std::optional<AddressError> refuse_domain(std::string_view domain, Utf8 utf8) {
  for (std::size_t at = 0; at < domain.size();) {
    if (!is_non_ascii(domain[at])) {
      ++at;
      continue;
    }
    const auto length = non_ascii_length(domain.substr(at), utf8);
    if (!length) return length.error();
    at += *length;
  }
  if (domain.size() > max_domain) return AddressError::domain_too_long;
  if (domain.size() > 1 && domain.back() == '.') domain.remove_suffix(1);
  while (true) {
    const std::size_t dot = domain.find('.');
    if (!is_label(domain.substr(0, dot))) return AddressError::bad_domain;
    if (dot == std::string_view::npos) return std::nullopt;
    domain.remove_prefix(dot + 1);
  }
}

// Takes "[...]" off the front of `text`.
result<std::string, AddressError> take_literal(std::string_view& text) {
  const std::size_t end = text.find(']');
  if (end == std::string_view::npos) return AddressError::bad_literal;
  const std::string_view literal = text.substr(0, end + 1);
  if (literal.size() > max_domain) return AddressError::domain_too_long;
  if (!is_address_literal(literal.substr(1, literal.size() - 2))) return AddressError::bad_literal;
  text.remove_prefix(literal.size());
  return std::string(literal);
}

// A domain reaches to `end_mark` or to the end of `text`; what stands there is not taken.
result<std::string, AddressError> take_domain(std::string_view& text, Utf8 utf8,
                                              std::string_view end_mark) {
  if (!text.empty() && text.front() == '[') return take_literal(text);
  const std::string_view domain = text.substr(0, text.find_first_of(end_mark));
  if (const auto why = refuse_domain(domain, utf8)) return *why;
  text.remove_prefix(domain.size());
  return std::string(domain);
}

result<Mailbox, AddressError> take_mailbox(std::string_view& text, Utf8 utf8,
                                           std::string_view end_mark) {
  auto local = take_local_part(text, utf8);
  if (!local) return local.error();
  if (text.empty() || text.front() != '@') {
    const bool ended = text.empty() || end_mark.find(text.front()) != std::string_view::npos;
    return ended ? AddressError::bad_domain : AddressError::bad_local_part;
  }
  text.remove_prefix(1);
  auto domain = take_domain(text, utf8, end_mark);
  if (!domain) return domain.error();
  return Mailbox{std::move(*local), std::move(*domain)};
}

// A-d-l ":" with A-d-l = At-domain *("," At-domain), checked and dropped (RFC 5321 appendix C).
std::optional<AddressError> drop_source_route(std::string_view& text, Utf8 utf8) {
  while (true) {
    if (text.empty() || text.front() != '@') return AddressError::bad_source_route;
    text.remove_prefix(1);
    const auto domain = take_domain(text, utf8, ",:>");
    if (!domain) {
      const AddressError why = domain.error();
      const bool encoding = why == AddressError::non_ascii || why == AddressError::bad_utf8;
      return encoding ? why : AddressError::bad_source_route;
    }
    if (text.empty() || (text.front() != ',' && text.front() != ':')) {
      return AddressError::bad_source_route;
    }
    const bool last = text.front() == ':';
    text.remove_prefix(1);
    if (last) return std::nullopt;
  }
}

std::string_view without_leading_spaces(std::string_view text) {
  return text.substr(std::min(text.find_first_not_of(' '), text.size()));
}

// What both kinds of path share: the inside of the brackets is a mailbox, after a route perhaps.
// `special` is asked first; it takes the forms that only one kind of path has.
template <typename T, typename Special>
result<ParsedPath<T>, AddressError> parse_path(std::string_view text, Utf8 utf8, Special special) {
  text = without_leading_spaces(text);
  const std::size_t whole = text.size();
  if (text.empty() || text.front() != '<') return AddressError::missing_brackets;
  text.remove_prefix(1);

  T path;
  const result<bool, AddressError> taken = special(text, path);
  if (!taken) return taken.error();
  if (!*taken) {
    if (!text.empty() && text.front() == '@') {
      if (const auto why = drop_source_route(text, utf8)) return *why;
    }
    auto mailbox = take_mailbox(text, utf8, ">");
    if (!mailbox) {
      return text.find('>') == std::string_view::npos ? AddressError::missing_brackets
                                                      : mailbox.error();
    }
    if constexpr (std::is_same_v<T, ReversePath>) {
      path = {false, std::move(*mailbox)};
    } else {
      path = std::move(*mailbox);
    }
    if (text.empty()) return AddressError::missing_brackets;
    if (text.front() != '>')
      return AddressError::bad_literal;  // "[...]x": only a literal ends early
  }
  text.remove_prefix(1);
  if (whole - text.size() > max_path) return AddressError::path_too_long;
  if (!text.empty() && text.front() != ' ') return AddressError::trailing_garbage;
  return ParsedPath<T>{std::move(path), without_leading_spaces(text)};
}

}  // namespace

std::string_view describe(AddressError error) {
  switch (error) {
    case AddressError::missing_brackets:
      return "address must stand in angle brackets";
    case AddressError::empty:
      return "address must not be empty";
    case AddressError::bad_local_part:
      return "malformed local part";
    case AddressError::local_part_too_long:
      return "local part longer than 64 octets";
    case AddressError::bad_domain:
      return "malformed or missing domain";
    case AddressError::domain_too_long:
      return "domain longer than 255 octets";
    case AddressError::bad_literal:
      return "malformed address literal";
    case AddressError::path_too_long:
      return "path longer than 256 octets";
    case AddressError::bad_source_route:
      return "malformed source route";
    case AddressError::non_ascii:
      return "non-ASCII address without SMTPUTF8";
    case AddressError::bad_utf8:
      return "address is not well-formed UTF-8";
    case AddressError::trailing_garbage:
      return "unexpected text after the address";
  }
  return "malformed address";
}

std::string Mailbox::to_string() const {
  std::string text;
  text.reserve(local.size() + domain.size() + 3);
  if (is_dot_string(local)) {
    text = local;
  } else {
    text += '"';
    for (const char c : local) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  if (!domain.empty()) {
    text += '@';
    text += domain;
  }
  return text;
}

std::string ReversePath::to_string() const {
  return null ? std::string("<>") : '<' + mailbox.to_string() + '>';
}

result<ParsedPath<ReversePath>, AddressError> parse_reverse_path(std::string_view text, Utf8 utf8) {
  return parse_path<ReversePath>(
      text, utf8, [](std::string_view& inside, ReversePath& path) -> result<bool, AddressError> {
        if (inside.empty() || inside.front() != '>') return false;
        path = {};
        return true;
      });
}

result<ParsedPath<Mailbox>, AddressError> parse_forward_path(std::string_view text, Utf8 utf8) {
  return parse_path<Mailbox>(
      text, utf8, [](std::string_view& inside, Mailbox& path) -> result<bool, AddressError> {
        if (!inside.empty() && inside.front() == '>') return AddressError::empty;
        constexpr std::string_view postmaster = "postmaster";  // RFC 5321 4.1.1.3
        const std::string_view name = inside.substr(0, postmaster.size());
        if (!same_ignoring_case(name, postmaster)) return false;
        if (inside.size() == name.size() || inside[name.size()] != '>') return false;
        path.local = name;
        inside.remove_prefix(name.size());
        return true;
      });
}

result<Mailbox, AddressError> parse_mailbox(std::string_view text, Utf8 utf8) {
  if (text.empty()) return AddressError::empty;
  auto mailbox = take_mailbox(text, utf8, "");
  if (!mailbox) return mailbox.error();
  if (!text.empty()) return AddressError::bad_literal;
  return mailbox;
}

}  // namespace cordon::smtp
