// What is in force for the sessions of a listener, made ready from its settings: certificates
// loaded, passwords read, networks parsed. Immutable; a session keeps the terms it began with.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "proxy/network.h"
#include "proxy/password_file.h"
#include "proxy/settings.h"
#include "proxy/tls_context.h"
#include "smtp/server_automaton.h"

namespace cordon::proxy {

struct ListenerTerms {
  // `tls` is there if there are certificates. Throws std::runtime_error, with the file, if the
  // password file cannot be used.
  ListenerTerms(const ListenerSettings& settings, std::optional<ServerTls> tls);

  bool must_send_proxy_header(std::string_view address) const;
  bool may_use_xclient(std::string_view address) const;
  bool logs_in_upstream() const;  // the real server verifies AUTH
  // Sets what TLS and AUTH ask of the automaton. The mechanisms of the real server are not known
  // here (proxy/offers.h).
  void secure(smtp::ServerOptions& options) const;

  ListenerSettings settings;
  std::optional<ServerTls> tls;  // if the listener has TLS
  std::unique_ptr<const PasswordFile> passwords;
  std::vector<Network> proxies;
  std::vector<Network> relays;  // that may use XCLIENT
};

}  // namespace cordon::proxy
