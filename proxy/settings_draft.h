// Settings in the making: finds where a dotted key is kept, remembers where each value was written,
// and gathers the problems. Knows no file format; the reader and the overrides both fill it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "proxy/settings_reader.h"
#include "proxy/settings_values.h"

namespace cordon::proxy {

struct SettingPlace {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string override_text;
};

// A key that exists, or words on why it does not.
struct FoundKey {
  std::optional<Target> target;
  KeyFacts facts;
  std::string path;     // canonical: listeners, rules and origins by index
  std::string problem;  // if there is no target
};

class SettingsDraft {
 public:
  Settings settings;

  // Finds `path`, given as its parts; "listener", "certificate", "rule" and "origin" by index or
  // name, one past the last adds one. The target is valid until the next call.
  FoundKey find(const std::vector<std::string>& parts);

  void set(const FoundKey& key, const Value& value, const SettingPlace& place);
  void note_place(const std::string& path, const SettingPlace& place) { places_[path] = place; }
  void blame(const SettingPlace& place, std::string_view text);

  // What only holds between settings: unique names, routes that exist, caps in order.
  void check();

  // The problems so far, ordered.
  std::vector<SettingsError::Problem> problems() const;

 private:
  void blame_path(const std::string& path, const std::string& text);
  bool usable(const std::string& path) const { return bad_paths_.count(path) == 0; }
  void check_listeners();
  void check_security(const ListenerSettings& listener, const std::string& path);
  void check_auth_verify(const ListenerSettings& listener, const std::string& path);
  void check_destinations();
  void check_certificates();
  void check_rules_and_origins();
  void check_routes();
  void check_caps();
  void check_keys();

  std::map<std::string, SettingPlace> places_;
  std::set<std::string> bad_paths_;  // given, but wrongly: no further complaint about them
  std::vector<SettingsError::Problem> problems_;
};

// Without control characters, which must not reach a terminal by way of a message.
std::string printable(std::string_view text);

// "; did you mean X?" or nothing.
std::string suggest_section(std::string_view name);

}  // namespace cordon::proxy
