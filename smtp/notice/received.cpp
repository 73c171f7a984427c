#include "smtp/notice/received.h"

#include <algorithm>

namespace cordon::notice {
namespace {

bool is_name_octet(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view{".-_:[]"}.find(c) != std::string_view::npos;
}

// A domain or address literal, or what is left of one: comments, quotes, blanks and line breaks of
// a hostile HELO would read as trace of their own.
std::string safe_name(std::string_view name) {
  std::string result{name.substr(0, 255)};
  std::replace_if(
      result.begin(), result.end(), [](char c) { return !is_name_octet(c); }, '?');
  return result.empty() ? "unknown" : result;
}

std::string_view protocol_name(Protocol protocol) {
  switch (protocol) {
    case Protocol::smtp:
      return "SMTP";
    case Protocol::esmtp:
      return "ESMTP";
    case Protocol::utf8smtp:
      return "UTF8SMTP";
  }
  return "SMTP";
}

}  // namespace

std::string received_field(const TraceFacts& facts) {
  std::string field;
  field.reserve(384);
  field += "Received: from ";
  field += safe_name(facts.helo);
  field += facts.peer.find(':') != std::string_view::npos ? " ([IPv6:" : " ([";
  field += safe_name(facts.peer);
  field += "])\r\n\tby ";
  field += safe_name(facts.hostname);
  field += " with ";
  field += protocol_name(facts.protocol);
  // "SMTP" alone has no such forms: who said HELO may be under TLS, but that is told below.
  if (facts.protocol != Protocol::smtp) {
    if (!facts.tls_version.empty()) field += 'S';
    if (facts.authenticated) field += 'A';
  }
  field += " id ";
  field += safe_name(facts.id);
  if (!facts.recipient_is_bait && is_plain_address(facts.sole_recipient)) {
    field += "\r\n\tfor <";
    field += facts.sole_recipient;
    field += '>';
  }
  if (!facts.tls_version.empty()) {
    field += "\r\n\ttls ";
    field += facts.tls_cipher;
    field += " (";
    field += facts.tls_version;
    field += ')';
  }
  field += ";\r\n\t";
  field += mail_date(facts.at);
  field += "\r\n";
  return field;
}

}  // namespace cordon::notice
