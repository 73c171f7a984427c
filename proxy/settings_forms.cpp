#include "proxy/settings_forms.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "proxy/network.h"
#include "smtp/address.h"

namespace cordon::proxy {
namespace {

constexpr std::array<std::string_view, 4> log_levels = {"debug", "info", "warn", "error"};

bool is_name(std::string_view text) {
  for (const char c : text) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_';
    if (!fine) return false;
  }
  return !text.empty();
}

// A mail domain without address literals, by the grammar of mailboxes.
bool is_domain(std::string_view text) {
  return !text.starts_with('[') &&
         smtp::parse_mailbox("x@" + std::string(text), smtp::Utf8::yes).has_value();
}

bool is_mailbox(std::string_view text) {
  return smtp::parse_mailbox(text, smtp::Utf8::yes).has_value();
}

bool is_address(std::string_view text) {
  return text.find('/') == std::string_view::npos && Network::parse(text).has_value();
}

// 192.0.2.1:25 or [2001:db8::1]:25. Port 0 asks the system for a free one.
bool is_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  std::string_view host = text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || end != digits.data() + digits.size()) return false;
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  return is_address(host) && (host.find(':') != std::string_view::npos) == brackets;
}

// 64 hex digits; openssl(1) writes ":" between pairs.
bool is_sha256(std::string_view text) {
  std::size_t digits = 0;
  for (const char c : text) {
    if (c == ':') continue;
    const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (!hex) return false;
    ++digits;
  }
  return digits == 64;
}

}  // namespace

bool has_form(std::string_view text, Form form, std::string& reason) {
  switch (form) {
    case Form::name:
      return is_name(text);
    case Form::host:
      return is_address(text) || is_domain(text);
    case Form::domain:
      return is_domain(text);
    case Form::domain_or_below:
      return is_domain(text.starts_with('.') ? text.substr(1) : text);
    case Form::listen_address:
      return is_listen_address(text);
    case Form::server_address:
      return is_address(text) || is_listen_address(text);
    case Form::network: {
      const auto network = Network::parse(text);
      if (!network) reason = describe(network.error());
      return network.has_value();
    }
    case Form::mailbox_or_local:
      return text.find('@') != std::string_view::npos ? is_mailbox(text)
                                                      : is_mailbox(std::string(text) + "@x.test");
    case Form::mailbox_or_at_domain:
      return text.starts_with('@') ? is_domain(text.substr(1)) : is_mailbox(text);
    case Form::log_level:
      return std::find(log_levels.begin(), log_levels.end(), text) != log_levels.end();
    case Form::sha256:
      return is_sha256(text);
    case Form::any:
    case Form::octets:
      // No setting has a use for controls, and a NUL would cut a path short.
      return std::none_of(text.begin(), text.end(),
                          [](char c) { return static_cast<unsigned char>(c) < 0x20; });
  }
  return false;
}

std::string_view form_text(Form form) {
  switch (form) {
    case Form::name:
      return "a name of letters, digits, - and _";
    case Form::host:
      return "a host name or an IP address";
    case Form::domain:
      return "a domain";
    case Form::domain_or_below:
      return "a domain, or \".\" and a domain";
    case Form::server_address:
      return "an IP address, or one and a port such as \"127.0.0.1:53\"";
    case Form::listen_address:
      return "an IP address and port such as \"127.0.0.1:2525\" or \"[::1]:2525\"";
    case Form::network:
      return "a network such as \"192.0.2.0/24\" or \"2001:db8::/32\"";
    case Form::mailbox_or_local:
      return "an address, or the part of one before the @";
    case Form::mailbox_or_at_domain:
      return "an address, or @domain";
    case Form::log_level:
      return "\"debug\", \"info\", \"warn\" or \"error\"";
    case Form::sha256:
      return "a SHA-256 digest in hex";
    case Form::any:
    case Form::octets:
      break;
  }
  return "a text";
}

std::string_view list_text(Form form) {
  if (form == Form::domain_or_below) return "a list of domains; a \".\" in front means all below";
  if (form == Form::server_address) return "a list of IP addresses, with or without a port";
  if (form == Form::domain) return "a list of domains";
  if (form == Form::sha256) return "a list of SHA-256 digests in hex";
  if (form == Form::network) return "a list of networks such as \"192.0.2.0/24\"";
  if (form == Form::mailbox_or_local) return "a list of addresses, or of parts before the @";
  return "a list of texts";
}

}  // namespace cordon::proxy
