#include "smtp/foreign_opening.h"

#include <algorithm>
#include <array>

#include "smtp/text.h"

namespace cordon::smtp {
namespace {

constexpr std::array<std::string_view, 10> http_methods = {
    "GET ",     "POST ",    "HEAD ",  "PUT ",   "DELETE ",
    "OPTIONS ", "CONNECT ", "TRACE ", "PATCH ", "PRI "};
constexpr std::string_view ssh_start = "SSH-";  // RFC 4253 4.2
constexpr char tls_handshake = 0x16;            // RFC 8446 5.1: a ClientHello's record

bool begins_with(std::string_view front, std::string_view start) {
  return same_ignoring_case(front.substr(0, start.size()), start);
}

}  // namespace

std::string_view foreign_protocol(std::string_view front) {
  if (front.empty()) return {};
  if (front.front() == tls_handshake) return "spoke TLS";
  if (is_control(front.front()) && front.front() != '\t' && front.front() != '\r' &&
      front.front() != '\n') {
    return "spoke no text";
  }
  const auto opens = [&](std::string_view method) { return begins_with(front, method); };
  if (std::any_of(http_methods.begin(), http_methods.end(), opens)) return "spoke HTTP";
  return opens(ssh_start) ? "spoke SSH" : "";
}

}  // namespace cordon::smtp
