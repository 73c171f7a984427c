#include "proxy/listener_terms.h"

#include <algorithm>

#include "proxy/credential_check.h"

namespace cordon::proxy {

namespace {

std::vector<Network> networks_of(const std::vector<std::string>& texts) {
  std::vector<Network> networks;
  for (const std::string& text : texts)
    if (const auto network = Network::parse(text)) networks.push_back(*network);
  return networks;
}

bool covers(const std::vector<Network>& networks, std::string_view address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& network) { return network.contains(address); });
}

}  // namespace

ListenerTerms::ListenerTerms(const ListenerSettings& given, std::optional<ServerTls> certificates)
    : settings(given),
      proxies(networks_of(given.proxy_protocol)),
      relays(networks_of(given.xclient)) {
  if (settings.tls != ListenerTls::none) tls = std::move(certificates);
  if (settings.auth != ListenerAuth::none && settings.auth_verify == AuthVerify::local)
    passwords = std::make_unique<const PasswordFile>(settings.password_file);
}

bool ListenerTerms::must_send_proxy_header(std::string_view address) const {
  return covers(proxies, address);
}

bool ListenerTerms::may_use_xclient(std::string_view address) const {
  return covers(relays, address);
}

bool ListenerTerms::logs_in_upstream() const {
  return settings.auth != ListenerAuth::none && settings.auth_verify == AuthVerify::upstream;
}

void ListenerTerms::secure(smtp::ServerOptions& options) const {
  options.starttls = settings.tls == ListenerTls::starttls || settings.tls == ListenerTls::required;
  options.require_tls = settings.tls == ListenerTls::required;
  // Those that give us the password itself; a file of hashes can verify no token.
  options.mechanisms = passwords ? smtp::password_mechanisms : smtp::Mechanisms{0};
  options.auth_in_plain = settings.auth_in_plain;
  options.require_auth = settings.auth == ListenerAuth::required;
}

CredentialCheck& CredentialChecks::of(const ListenerTerms& terms) const {
  return terms.logs_in_upstream() ? upstream : local;
}

}  // namespace cordon::proxy
