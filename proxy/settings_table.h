// The one table of settings: it drives reading, overriding, checking, documenting and telling what
// a reload can change. A setting that is not here does not exist.
#pragma once

#include <span>

#include "proxy/settings.h"
#include "proxy/settings_values.h"

namespace cordon::proxy {

template <typename Owner>
struct Key {
  KeyFacts facts;
  Target (*at)(Owner& owner);
};

std::span<const Key<Settings>> settings_keys();                // "hostname", "paths.state_dir", ...
std::span<const Key<ListenerSettings>> listener_keys();        // of a [[listener]]
std::span<const Key<CertificateSettings>> certificate_keys();  // of a [[certificate]]
std::span<const Key<RouteSettings>> route_keys();              // of a [route.NAME]
std::span<const Key<RuleSettings>> rule_keys();                // of a [[rule]]
std::span<const Key<OriginSettings>> origin_keys();            // of an [[origin]]

}  // namespace cordon::proxy
