// The header that a proxy puts in front of a connection to tell who its client is (haproxy,
// proxy-protocol.txt, versions 1 and 2). Octets in, facts out; no state and no I/O.
//
// Nothing may be read beyond the header by a carrier whose TLS reads from the descriptor itself: it
// peeks, asks here, and takes off `octets` once the header is whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/client_facts.h"

namespace cordon::smtp {

// No header is longer, else it is bad. Version 1 has at most 107 octets; version 2 could have 65551
// by its length field, but what it needs are 52, and the rest (TLVs, which are passed over) is
// small in practice: the paper says that a header should fit in one segment.
inline constexpr std::size_t max_proxy_header = 4096;

enum class ProxyVersion : std::uint8_t { v1 = 1, v2 = 2 };

struct ProxyHeader {
  enum class State : std::uint8_t {
    need_more,  // a header so far, but not whole
    bad,        // no header, or a malformed one: close the connection
    whole,
  };
  State state = State::need_more;
  std::size_t octets = 0;  // of the header, if whole; the client's own octets follow
  // Address (as inet_ntop(3) writes it) and port. None in a whole header: the proxy speaks for
  // itself (LOCAL, a health check) or does not know (UNKNOWN): the connection's own address counts.
  std::optional<ClientFacts> client;
};

// `octets` is all that has come so far, from the first one on.
ProxyHeader read_proxy_header(std::string_view octets);

// The header that tells `client` (its address and port) to a server at `server`. What cannot be
// told (no address) becomes UNKNOWN, or LOCAL. An IPv4 address beside an IPv6 one is told
// IPv4-mapped.
std::string format_proxy_header(ProxyVersion version, const ClientFacts& client,
                                std::string_view server_address, std::uint16_t server_port);

}  // namespace cordon::smtp
