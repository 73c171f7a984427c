// Who a client really is, as a trusted relay tells it: by XCLIENT (Postfix, XCLIENT_README) or by a
// PROXY header (haproxy, proxy-protocol.txt, versions 1 and 2). Values only.
#pragma once

#include <cstdint>
#include <string>

namespace cordon::smtp {

struct ClientFacts {
  std::string address;     // "192.0.2.7", "2001:db8::1"; empty: not told
  std::uint16_t port = 0;  // 0: not told
  std::string name;        // host name; empty: not told
  std::string helo;
  std::string login;  // the name it gave to AUTH
  bool esmtp = true;  // PROTO
  bool operator==(const ClientFacts&) const = default;
};

}  // namespace cordon::smtp
