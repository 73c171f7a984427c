#include "proxy/settings_draft.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <numeric>
#include <tuple>

#include "proxy/settings_table.h"

namespace cordon::proxy {
namespace {

constexpr std::array<std::string_view, 5> groups = {"listener", "certificate", "route", "rule",
                                                    "origin"};

// Levenshtein's distance, for "did you mean".
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t change = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, change});
    }
  }
  return row.back();
}

// "; did you mean X?" for the nearest of `known`, or nothing if none is near.
std::string did_you_mean(std::string_view wrong, const std::vector<std::string_view>& known) {
  std::string_view best;
  std::size_t least = std::max<std::size_t>(2, wrong.size() / 3) + 1;
  for (const std::string_view name : known) {
    const std::size_t steps = distance(wrong, name);
    if (steps >= least) continue;
    least = steps;
    best = name;
  }
  return best.empty() ? "" : "; did you mean " + std::string(best) + "?";
}

std::string_view leaf(std::string_view dotted) { return dotted.substr(dotted.rfind('.') + 1); }

// Near in spelling, or the right name in the wrong section.
std::string suggest_key(std::string_view wrong) {
  std::vector<std::string_view> known;
  for (const auto& key : settings_keys()) {
    if (leaf(key.facts.name) == leaf(wrong)) {
      return "; did you mean " + std::string(key.facts.name) + "?";
    }
    known.push_back(key.facts.name);
  }
  return did_you_mean(wrong, known);
}

template <typename Owner>
FoundKey find_in(std::span<const Key<Owner>> keys, Owner& owner, const std::string& group,
                 const std::string& member) {
  FoundKey found;
  found.path = group + "." + member;
  std::vector<std::string_view> known;
  for (const auto& key : keys) {
    known.push_back(key.facts.name);
    if (key.facts.name != member) continue;
    found.facts = key.facts;
    found.target = key.at(owner);
    return found;
  }
  found.problem = "unknown setting " + found.path + did_you_mean(member, known);
  return found;
}

// The index that `text` names: a number, or the name of an element; one past the end is allowed.
template <typename Owner>
std::optional<std::size_t> find_index(const std::vector<Owner>& list, const std::string& text) {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error == std::errc() && end == text.data() + text.size()) {
    return index <= list.size() ? std::optional(index) : std::nullopt;
  }
  if constexpr (requires(const Owner& o) { o.name; }) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (list[i].name == text) return i;
    }
  }
  return std::nullopt;
}

template <typename Owner>
FoundKey find_in_list(std::span<const Key<Owner>> keys, std::vector<Owner>& list,
                      const std::vector<std::string>& parts) {
  const auto index = find_index(list, parts[1]);
  FoundKey found;
  if (!index) {
    found.problem = "there is no " + parts[0] + "." + parts[1] + "; the next is " + parts[0] + "." +
                    std::to_string(list.size());
    return found;
  }
  Owner fresh;
  found = find_in(keys, fresh, parts[0] + "." + std::to_string(*index), parts[2]);
  if (!found.target) return found;
  if (*index == list.size()) list.push_back(fresh);
  return find_in(keys, list[*index], parts[0] + "." + std::to_string(*index), parts[2]);
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  }
  return out;
}

std::string suggest_section(std::string_view name) {
  std::vector<std::string_view> known(groups.begin(), groups.end());
  for (const auto& key : settings_keys()) {
    known.push_back(key.facts.name.substr(0, key.facts.name.find('.')));
  }
  const std::string near = did_you_mean(name, known);
  return near.empty() ? suggest_key(name) : near;
}

FoundKey SettingsDraft::find(const std::vector<std::string>& parts) {
  const std::string& first = parts.front();
  if (std::find(groups.begin(), groups.end(), first) != groups.end()) {
    if (parts.size() != 3) {
      FoundKey found;
      found.problem =
          first == "route" ? "write route.NAME.SETTING" : "write " + first + ".NUMBER.SETTING";
      return found;
    }
    if (first == "listener") return find_in_list(listener_keys(), settings.listeners, parts);
    if (first == "certificate")
      return find_in_list(certificate_keys(), settings.certificates, parts);
    if (first == "rule") return find_in_list(rule_keys(), settings.rules, parts);
    if (first == "origin") return find_in_list(origin_keys(), settings.origins, parts);
    RouteSettings fresh;
    FoundKey found = find_in(route_keys(), fresh, "route." + parts[1], parts[2]);
    if (!found.target) return found;
    return find_in(route_keys(), settings.routes[parts[1]], "route." + parts[1], parts[2]);
  }

  FoundKey found;
  for (const std::string& part : parts) found.path += (found.path.empty() ? "" : ".") + part;
  for (const auto& key : settings_keys()) {
    if (key.facts.name != found.path) continue;
    found.facts = key.facts;
    found.target = key.at(settings);
    return found;
  }
  found.problem = "unknown setting " + found.path +
                  (parts.size() == 1 ? suggest_section(first) : suggest_key(found.path));
  return found;
}

void SettingsDraft::set(const FoundKey& key, const Value& value, const SettingPlace& place) {
  if (!key.target) {
    blame(place, key.problem);
    return;
  }
  note_place(key.path, place);
  if (const auto wrong = assign(*key.target, key.facts, value)) {
    blame(place, key.path + ": " + *wrong);
    bad_paths_.insert(key.path);
  }
}

void SettingsDraft::blame(const SettingPlace& place, std::string_view text) {
  problems_.push_back({place.line, place.column, place.override_text, printable(text)});
}

// At the setting if it was written, else at what encloses it.
void SettingsDraft::blame_path(const std::string& path, const std::string& text) {
  std::string whole = path;
  whole.append(": ").append(text);
  for (std::string enclosing = path;; enclosing.resize(enclosing.rfind('.'))) {
    const auto place = places_.find(enclosing);
    if (place != places_.end()) return blame(place->second, whole);
    if (enclosing.find('.') == std::string::npos) return blame({}, whole);
  }
}

void SettingsDraft::check() {
  check_listeners();
  check_destinations();
  check_certificates();
  check_rules_and_origins();
  check_routes();
  check_caps();
  check_keys();
  if (!settings.notices.route.empty() && usable("notices.route") &&
      settings.routes.count(settings.notices.route) == 0) {
    blame_path("notices.route", "there is no [route." + settings.notices.route + "]");
  }
}

void SettingsDraft::check_listeners() {
  if (settings.listeners.empty()) blame({}, "there is no [[listener]]");
  std::map<std::string, std::size_t> names;
  std::map<std::string, std::size_t> addresses;
  for (std::size_t i = 0; i < settings.listeners.size(); ++i) {
    const ListenerSettings& listener = settings.listeners[i];
    const std::string path = "listener." + std::to_string(i);
    if (usable(path + ".name")) {
      const auto [other, fresh] = names.emplace(listener.name, i);
      if (!fresh) {
        blame_path(path + ".name", "listener." + std::to_string(other->second) +
                                       " has the name \"" + listener.name + "\" too");
      }
    }
    if (usable(path + ".address") && !listener.address.ends_with(":0")) {
      const auto [other, fresh] = addresses.emplace(listener.address, i);
      if (!fresh) {
        blame_path(path + ".address", "listener." + std::to_string(other->second) +
                                          " has the address \"" + listener.address + "\" too");
      }
    }
    if (usable(path + ".route") && settings.routes.count(listener.route) == 0) {
      blame_path(path + ".route", "there is no [route." + listener.route + "]");
    }
    check_security(listener, path);
  }
}

void SettingsDraft::check_security(const ListenerSettings& listener, const std::string& path) {
  if (listener.tls != ListenerTls::none && settings.certificates.empty() && usable(path + ".tls"))
    blame_path(path + ".tls", "needs a [[certificate]]");
  if (listener.auth == ListenerAuth::none || !usable(path + ".auth")) return;
  check_auth_verify(listener, path);
  if (listener.tls == ListenerTls::none && !listener.auth_in_plain && usable(path + ".tls") &&
      usable(path + ".auth_in_plain"))
    blame_path(path + ".auth", "needs tls, or auth_in_plain = true");
}

void SettingsDraft::check_auth_verify(const ListenerSettings& listener, const std::string& path) {
  if (listener.auth_verify == AuthVerify::local) {
    if (listener.password_file.empty() && usable(path + ".password_file"))
      blame_path(path + ".auth", "needs a password_file");
    return;
  }
  const auto route = settings.routes.find(listener.route);
  if (route != settings.routes.end() && route->second.lookup == Lookup::mx)
    blame_path(path + ".auth_verify", "upstream needs a route to one server, not lookup = \"mx\"");
  if (!listener.password_file.empty())
    blame_path(path + ".password_file", "is not for auth_verify = \"upstream\"");
}

// A domain has one route, and a bare name, which is at the server of its route, no exchanger.
void SettingsDraft::check_destinations() {
  std::map<std::string, std::string> owners;
  for (const auto& [name, route] : settings.routes) {
    const std::string path = "route." + name + ".domains";
    for (const std::string& domain : route.domains) {
      std::string lower = domain;
      for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
      const auto [other, fresh] = owners.emplace(lower, name);
      if (!fresh)
        blame_path(path, "route." + other->second + " has the domain \"" + domain + "\" too");
    }
  }
  if (settings.listeners.empty()) return;
  const std::string& notices =
      settings.notices.route.empty() ? settings.listeners.front().route : settings.notices.route;
  const auto found = settings.routes.find(notices);
  if (found == settings.routes.end() || found->second.lookup != Lookup::mx) return;
  std::string why = "\" needs a domain, since route.";
  why.append(notices).append(" looks up its mail exchangers");
  for (const std::string& address : settings.notices.operators)
    if (address.find('@') == std::string::npos && usable("notices.operators"))
      blame_path("notices.operators", std::string("\"").append(address).append(why));
}

void SettingsDraft::check_certificates() {
  for (std::size_t i = 0; i < settings.certificates.size(); ++i) {
    const CertificateSettings& certificate = settings.certificates[i];
    const std::string path = "certificate." + std::to_string(i);
    if (certificate.chain.empty() && usable(path + ".chain"))
      blame_path(path + ".chain", "a certificate needs a file");
    if (certificate.key.empty() && usable(path + ".key"))
      blame_path(path + ".key", "a certificate needs its key");
  }
}

void SettingsDraft::check_rules_and_origins() {
  std::map<std::string, std::size_t> names;
  for (std::size_t i = 0; i < settings.rules.size(); ++i) {
    const RuleSettings& rule = settings.rules[i];
    const std::string path = "rule." + std::to_string(i);
    if (usable(path + ".name")) {
      if (rule.name.empty()) {
        blame_path(path + ".name", "a rule needs a name");
      } else if (const auto [other, fresh] = names.emplace(rule.name, i); !fresh) {
        blame_path(path + ".name", "rule." + std::to_string(other->second) + " has the name \"" +
                                       rule.name + "\" too");
      }
    }
    if (rule.bypass && rule.period && usable(path + ".period")) {
      blame_path(path + ".period", "a rule with bypass holds nothing, so it can have no period");
    }
    if (!rule.bypass && !rule.period && usable(path + ".period") && usable(path + ".bypass")) {
      blame_path(path + ".period", "a rule needs a period, or bypass = true");
    }
  }
  for (std::size_t i = 0; i < settings.origins.size(); ++i) {
    const std::string path = "origin." + std::to_string(i) + ".network";
    if (settings.origins[i].network.empty() && usable(path)) {
      blame_path(path, "an origin needs a network");
    }
  }
}

void SettingsDraft::check_routes() {
  for (const auto& [name, route] : settings.routes) {
    const std::string path = "route." + name;
    const auto blame_if = [&](bool wrong, const char* member, const char* why) {
      if (wrong && usable(path + member) && usable(path + ".tls")) blame_path(path + member, why);
    };
    const bool verify = route.tls == UpstreamTls::verify;
    blame_if(route.tls == UpstreamTls::none && route.implicit_tls, ".implicit_tls", "needs tls");
    blame_if(!verify && !route.ca_file.empty(), ".ca_file", "needs tls = \"verify\"");
    blame_if(!verify && !route.pins.empty(), ".pins", "needs tls = \"verify\"");
    blame_if(!route.user.empty() && route.password_file.empty(), ".user", "needs a password_file");
    blame_if(!route.user.empty() && route.lookup == Lookup::mx, ".user",
             "cannot go with lookup = \"mx\": anybody who owns a domain would get the password");
    blame_if(route.user.empty() && !route.password_file.empty(), ".password_file", "needs a user");
    blame_if(route.tls == UpstreamTls::none && !route.user.empty() && !route.auth_in_plain, ".user",
             "needs tls, or auth_in_plain = true");
  }
}

void SettingsDraft::check_caps() {
  const auto in_order = [&](const std::string& small, const std::string& large, auto a, auto b) {
    if (a > b && usable(small) && usable(large)) {
      blame_path(small, "must not be above " + large);
    }
  };
  in_order("cordoning.max_held_per_origin", "cordoning.max_held",
           settings.cordoning.max_held_per_origin, settings.cordoning.max_held);
  in_order("delivery.first_retry", "delivery.max_retry", settings.delivery.first_retry,
           settings.delivery.max_retry);
  in_order("limits.max_sessions_per_host", "limits.max_sessions",
           settings.limits.max_sessions_per_host, settings.limits.max_sessions);
}

// Whoever copies the store must not copy the keys with it.
void SettingsDraft::check_keys() {
  const auto state = std::filesystem::path(settings.paths.state_dir).lexically_normal();
  const auto keys = std::filesystem::path(settings.credentials.directory).lexically_normal();
  const auto way = keys.lexically_relative(state);
  if (!way.empty() && *way.begin() != ".." && usable("credentials.directory"))
    blame_path("credentials.directory", "must not be in paths.state_dir");
}

std::vector<SettingsError::Problem> SettingsDraft::problems() const {
  auto ordered = problems_;
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
    return std::tuple(!a.override_text.empty(), a.line == 0, a.line, a.column) <
           std::tuple(!b.override_text.empty(), b.line == 0, b.line, b.column);
  });
  return ordered;
}

}  // namespace cordon::proxy
