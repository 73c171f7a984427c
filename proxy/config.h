// The settings in force, made ready for use: networks parsed, rules compiled, routes found. An
// immutable snapshot; a reload swaps it whole, and a session keeps the one it began with.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cordon/cordoner.h"
#include "cordon/hold_rules.h"
#include "cordon/judge.h"
#include "cordon/retry.h"
#include "cordon/warning_plan.h"
#include "proxy/listener_terms.h"
#include "proxy/settings.h"
#include "proxy/upstream_route.h"
#include "smtp/notice/template.h"
#include "smtp/server_automaton.h"

namespace cordon::proxy {

// What is known of a peer from [[origin]].
struct OriginTraits {
  std::string label;
  bool shared = false;
  std::optional<Mode> mode;
};

class Config {
 public:
  // From settings that passed read_settings(). Throws std::runtime_error, with file and reason, if
  // a notice template, certificate, key or password file cannot be read or is wrong.
  explicit Config(Settings settings);
  ~Config();

  const Settings& settings() const { return settings_; }
  const std::string& hostname() const { return hostname_; }

  HoldLimits hold_limits() const;
  SafetyLimits safety_limits() const;
  WarningLimits warning_limits() const;
  RetryPlan retry_plan() const;
  const std::vector<HoldRule>& rules() const { return rules_; }

  OriginTraits traits(std::string_view address) const;  // of the first [[origin]] that matches
  std::shared_ptr<const smtp::ServerOptions> server_options(std::size_t listener) const;
  std::shared_ptr<const ListenerTerms> terms(std::size_t listener) const;

  // Where mail of `listener` goes; an unknown listener's goes where the first one's does.
  // notice_listener names Cordon's own notices.
  const std::string& route_name(std::string_view listener) const;
  const RouteSettings& route(const std::string& name) const;
  std::shared_ptr<const UpstreamRoute> upstream(const std::string& route) const;
  // The route of a recipient at `domain` (as written; empty: postmaster): that of the longest entry
  // of [route.NAME] domains which covers it, else the one of `listener`.
  const std::string& route_of(std::string_view listener, std::string_view domain) const;
  // Else all mail of a listener goes by its route.
  bool has_routes_by_recipient() const { return !domain_routes_.empty(); }
  // Whether the server of the listener's route verifies AUTH there; an unknown listener: no.
  bool logs_in_upstream(std::string_view listener) const;
  // The listeners whose clients log in at that route's server.
  std::vector<std::string> logging_in_at(const std::string& route) const;
  // All that mail of the listener may take.
  std::vector<std::string> routes_of(const ListenerSettings& listener) const;
  // Those whose offer some listener mirrors.
  std::vector<std::string> mirrored_routes() const;

  // "MAILER-DAEMON@host": the From of notices, and postmaster of operators made whole.
  std::string notice_from() const;
  // Of the first operator whose address has one, else the hostname.
  std::string operators_domain() const;
  const notice::Template& warning_template() const { return warning_; }
  const notice::Template& report_template() const { return report_; }

 private:
  struct Networks;
  Settings settings_;
  std::string hostname_;
  std::vector<HoldRule> rules_;
  std::vector<std::shared_ptr<const smtp::ServerOptions>> options_;
  std::map<std::string, std::shared_ptr<const UpstreamRoute>> upstreams_;  // by route
  std::vector<std::shared_ptr<const ListenerTerms>> terms_;
  std::unique_ptr<Networks> networks_;
  std::map<std::string, std::string, std::less<>> domain_routes_;  // by normal domain, or ".domain"
  notice::Template warning_;
  notice::Template report_;
};

inline constexpr std::string_view notice_listener = "(notices)";

}  // namespace cordon::proxy
