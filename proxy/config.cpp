#include "proxy/config.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include <unistd.h>

#include "baits/normal_form.h"
#include "proxy/network.h"

namespace cordon::proxy {

namespace {

std::string system_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  return name.data();
}

std::optional<std::chrono::milliseconds> in_millis(const std::optional<Seconds>& seconds) {
  if (!seconds) return std::nullopt;
  return std::chrono::milliseconds(*seconds);
}

notice::Template read_template(const std::string& dir, const char* name,
                               notice::TemplateKind kind) {
  if (dir.empty()) return notice::Template::built_in(kind);
  const std::string path = dir + "/" + name;
  std::ifstream file(path);
  std::ostringstream text;
  if (!(text << file.rdbuf())) throw std::runtime_error(path + ": cannot be read");
  const auto parsed = notice::Template::parse(text.str(), kind);
  if (!parsed)
    throw std::runtime_error(path + ":" + std::to_string(parsed.error().line) + ": " +
                             parsed.error().message);
  return *parsed;
}

}  // namespace

struct Config::Networks {
  struct Known {
    Network network;
    OriginTraits traits;
  };
  std::vector<Known> known;
};

Config::Config(Settings settings)
    : settings_(std::move(settings)),
      hostname_(settings_.hostname.empty() ? system_name() : settings_.hostname),
      networks_(std::make_unique<Networks>()),
      warning_(read_template(settings_.paths.templates_dir, "warning.txt",
                             notice::TemplateKind::warning)),
      report_(read_template(settings_.paths.templates_dir, "operator.txt",
                            notice::TemplateKind::operator_report)) {
  for (const RuleSettings& rule : settings_.rules) {
    HoldRule ready{.name = rule.name,
                   .sender = rule.sender,
                   .recipient_domain = rule.recipient_domain,
                   .period = in_millis(rule.period),
                   .bypass = rule.bypass};
    if (!rule.origin.empty())
      if (const auto network = Network::parse(rule.origin))
        ready.from_network = [network = *network](std::string_view a) {
          return network.contains(a);
        };
    rules_.push_back(std::move(ready));
  }
  for (const OriginSettings& origin : settings_.origins)
    if (const auto network = Network::parse(origin.network))
      networks_->known.push_back({*network, {origin.label, origin.shared, origin.mode}});
  for (const auto& [name, route] : settings_.routes) {
    upstreams_.emplace(name, std::make_shared<const UpstreamRoute>(make_upstream_route(route)));
    for (const std::string& domain : route.domains) {
      const bool below = domain.starts_with('.');
      if (const auto normal = baits::normal_domain(below ? domain.substr(1) : domain))
        domain_routes_.emplace((below ? "." : "") + *normal, name);
    }
  }
  std::optional<ServerTls> tls;
  if (!settings_.certificates.empty()) tls.emplace(settings_.certificates);
  for (const ListenerSettings& listener : settings_.listeners) {
    terms_.push_back(std::make_shared<const ListenerTerms>(listener, tls));
    auto options = std::make_shared<smtp::ServerOptions>();
    options->hostname = hostname_;
    options->max_message_octets = settings_.limits.max_message_octets;
    options->max_recipients = settings_.limits.max_recipients;
    options->max_errors = settings_.limits.max_errors;
    options->max_commands = settings_.limits.max_commands;
    // What mirrors is not offered before it was seen upstream (proxy/offers.h).
    options->eight_bit_mime = listener.eight_bit_mime == Extension::yes;
    options->smtputf8 = listener.smtputf8 == Extension::yes;
    options->max_auth_failures = settings_.limits.max_auth_failures;
    terms_.back()->secure(*options);
    options_.push_back(std::move(options));
  }
}

Config::~Config() = default;

HoldLimits Config::hold_limits() const {
  const auto& c = settings_.cordoning;
  return {c.max_held, c.max_held_per_origin, c.on_cap};
}

SafetyLimits Config::safety_limits() const {
  const auto& c = settings_.cordoning;
  return {c.max_cordons_per_hour, c.max_cordon_share, c.cordon_share_floor, c.score_limit};
}

WarningLimits Config::warning_limits() const {
  const auto& n = settings_.notices;
  return {n.local_domains, n.max_warnings_per_alert, n.max_warnings_per_recipient_day};
}

RetryPlan Config::retry_plan() const {
  const auto& d = settings_.delivery;
  return {d.first_retry, d.max_retry, d.jitter, d.queue_lifetime, d.delay_notice};
}

OriginTraits Config::traits(std::string_view address) const {
  for (const auto& known : networks_->known)
    if (known.network.contains(address)) return known.traits;
  return {};
}

std::shared_ptr<const smtp::ServerOptions> Config::server_options(std::size_t listener) const {
  return options_.at(listener);
}

std::shared_ptr<const ListenerTerms> Config::terms(std::size_t listener) const {
  return terms_.at(listener);
}

const std::string& Config::route_name(std::string_view listener) const {
  if (listener == notice_listener && !settings_.notices.route.empty())
    return settings_.notices.route;
  for (const ListenerSettings& known : settings_.listeners)
    if (known.name == listener) return known.route;
  return settings_.listeners.front().route;
}

const RouteSettings& Config::route(const std::string& name) const {
  return settings_.routes.at(name);
}

std::shared_ptr<const UpstreamRoute> Config::upstream(const std::string& route) const {
  return upstreams_.at(route);
}

const std::string& Config::route_of(std::string_view listener, std::string_view domain) const {
  if (domain_routes_.empty()) return route_name(listener);
  const std::string whole = baits::normal_domain(domain).value_or("");
  auto found = domain_routes_.find(whole);
  for (std::size_t dot = whole.find('.'); found == domain_routes_.end() && dot != std::string::npos;
       dot = whole.find('.', dot + 1))
    found = domain_routes_.find(std::string_view(whole).substr(dot));
  return found == domain_routes_.end() ? route_name(listener) : found->second;
}

std::vector<std::string> Config::logging_in_at(const std::string& route) const {
  std::vector<std::string> names;
  for (const ListenerSettings& listener : settings_.listeners)
    if (listener.route == route && logs_in_upstream(listener.name)) names.push_back(listener.name);
  return names;
}

bool Config::logs_in_upstream(std::string_view listener) const {
  return std::any_of(terms_.begin(), terms_.end(), [&](const auto& terms) {
    return terms->settings.name == listener && terms->logs_in_upstream();
  });
}

std::vector<std::string> Config::routes_of(const ListenerSettings& listener) const {
  std::vector<std::string> all{listener.route};
  for (const auto& [_, route] : domain_routes_)
    if (std::find(all.begin(), all.end(), route) == all.end()) all.push_back(route);
  return all;
}

std::vector<std::string> Config::mirrored_routes() const {
  std::vector<std::string> all;
  for (const ListenerSettings& listener : settings_.listeners) {
    const bool mirrors =
        listener.eight_bit_mime == Extension::mirror || listener.smtputf8 == Extension::mirror;
    if (!mirrors && !logs_in_upstream(listener.name)) continue;
    for (std::string& route : routes_of(listener))
      if (std::find(all.begin(), all.end(), route) == all.end()) all.push_back(std::move(route));
  }
  return all;
}

std::string Config::operators_domain() const {
  for (const std::string& address : settings_.notices.operators)
    if (const auto at = address.rfind('@'); at != std::string::npos) return address.substr(at + 1);
  return hostname_;
}

std::string Config::notice_from() const {
  const std::string& from = settings_.notices.from;
  return from.find('@') == std::string::npos ? from + "@" + hostname_ : from;
}

}  // namespace cordon::proxy
