#include "proxy/offers.h"

#include <algorithm>

namespace cordon::proxy {
namespace {

// The Received field in front of the content counts at the server behind. It names a client, two
// hosts and one recipient at most, so it is shorter than this.
constexpr std::uint64_t trace_room = 2048;

// A secret of one kind can be told by either mechanism of that kind.
smtp::Mechanisms replayable(smtp::Mechanisms offered) {
  smtp::Mechanisms all = 0;
  if ((offered & smtp::password_mechanisms) != 0) all |= smtp::password_mechanisms;
  if ((offered & smtp::token_mechanisms) != 0) all |= smtp::token_mechanisms;
  return all;
}

}  // namespace

bool Offers::learn(const Server& server, const smtp::UpstreamOffer& offer) {
  const Seen seen{offer.eight_bit_mime, offer.smtputf8, offer.max_size, offer.mechanisms};
  const std::lock_guard lock(mutex_);
  const auto [known, fresh] = seen_.try_emplace(server, seen);
  if (!fresh && known->second == seen) return false;
  known->second = seen;
  made_.clear();
  return true;
}

bool Offers::knows(const Server& server) {
  const std::lock_guard lock(mutex_);
  return seen_.contains(server);
}

std::shared_ptr<const smtp::ServerOptions> Offers::options(
    const std::shared_ptr<const Config>& config, std::size_t listener) {
  const std::lock_guard lock(mutex_);
  if (config != config_ || made_.empty()) {
    config_ = config;
    made_.assign(config->settings().listeners.size(), nullptr);
  }
  auto& made = made_.at(listener);
  if (!made) made = std::make_shared<smtp::ServerOptions>(cut_down(*config, listener));
  return made;
}

smtp::ServerOptions Offers::cut_down(const Config& config, std::size_t listener) const {
  const ListenerSettings& settings = config.settings().listeners.at(listener);
  smtp::ServerOptions options = *config.server_options(listener);
  bool eight_bit_mime = true;
  bool smtputf8 = true;
  for (const std::string& name : config.routes_of(settings)) {
    const RouteSettings& route = config.route(name);
    const auto found = seen_.find({name, route.host, route.port});
    const bool one_server = route.lookup == Lookup::host;
    const Seen seen = one_server && found != seen_.end() ? found->second : Seen{};
    eight_bit_mime = eight_bit_mime && seen.eight_bit_mime;
    smtputf8 = smtputf8 && seen.smtputf8;
    if (seen.max_size <= trace_room) continue;  // none told, or none that mail could keep
    const std::uint64_t most = seen.max_size - trace_room;
    options.max_message_octets =
        options.max_message_octets == 0 ? most : std::min(options.max_message_octets, most);
  }
  if (settings.eight_bit_mime == Extension::mirror) options.eight_bit_mime = eight_bit_mime;
  if (settings.smtputf8 == Extension::mirror) options.smtputf8 = smtputf8;
  if (config.terms(listener)->logs_in_upstream()) {
    const RouteSettings& route = config.route(settings.route);
    const auto found = seen_.find({settings.route, route.host, route.port});
    if (found != seen_.end()) options.mechanisms = replayable(found->second.mechanisms);
  }
  return options;
}

}  // namespace cordon::proxy
