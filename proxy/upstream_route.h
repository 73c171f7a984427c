// Where a connection to an upstream leads, and by what rules: a route's settings made ready, with
// its TLS context and its credentials. Immutable; a reload makes new ones.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "proxy/settings.h"
#include "proxy/tls_context.h"
#include "smtp/client_dialogue.h"

namespace cordon::proxy {

// A server of a route. Connections are kept, counted and reused by it; with mail exchangers one
// route has many.
struct Destination {
  std::string route;  // its name in the settings
  std::string host;   // to connect to: a name, or an address
  std::uint16_t port = 25;
  std::string name;  // what its certificate must be for, if the route asks; empty: `host`
  bool operator==(const Destination&) const = default;
  bool operator<(const Destination& other) const {
    return std::tie(route, host, port, name) <
           std::tie(other.route, other.host, other.port, other.name);
  }
};

struct UpstreamRoute {
  RouteSettings settings;
  std::optional<ClientTls> tls;  // none: settings.tls is none
  std::optional<smtp::Credentials> credentials;
  smtp::Mechanisms mechanisms = 0;  // as in ClientOptions
};

// Reads what the settings name. Throws std::runtime_error, with file and reason, if the password or
// the authorities cannot be read, or if others may read the password.
UpstreamRoute make_upstream_route(const RouteSettings& settings);

}  // namespace cordon::proxy
