// Reads the settings of cordond: a TOML file, then single overrides on top. A wrong key, type,
// value or range, and settings that contradict each other, are all reported, each with its place
// and what was expected; nothing is guessed and nothing is left out silently.
//
// A file that has any [[listener]] replaces the built-in listener, and likewise any [route.NAME]
// the built-in route, so that no mail ever takes a path that the file does not show.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/system/result.hpp>

#include "proxy/settings.h"

namespace cordon::proxy {

struct SettingsError {
  struct Problem {
    std::uint32_t line = 0;  // from 1; 0: of the file as a whole, or of an override
    std::uint32_t column = 0;
    std::string override_text;  // "key=value" if a --set is at fault
    std::string text;           // "cordoning.period: expected a duration ...; found \"soon\""
    bool operator==(const Problem&) const = default;
  };
  std::string file;
  std::vector<Problem> problems;  // in the order of the file, then of it as a whole, then overrides

  // One line a problem: "FILE:LINE:COLUMN: text", or "--set KEY=VALUE: text".
  std::string to_string() const;
};
[[noreturn]] void throw_exception_from_error(const SettingsError& error,
                                             const boost::source_location& location);

using SettingsResult = boost::system::result<Settings, SettingsError>;

// `overrides` are "key=value" with dotted keys: cordoning.period=5s, listener.0.address=[::1]:25
// (or listener.submission.address), route.smarthost.port=25. One past the last listener, rule or
// origin, or a new route name, adds one. Texts need no quotes; lists are a,b,c or TOML arrays. An
// empty `file` means the built-in defaults.
SettingsResult read_settings(const std::string& file, std::span<const std::string> overrides);
// The same with the file's text at hand; `name` is for messages.
SettingsResult parse_settings(std::string_view text, const std::string& name,
                              std::span<const std::string> overrides);

// The settings that differ and take effect at a restart only, as dotted keys; listeners by name.
// All others can be put in force while cordond runs.
std::vector<std::string> needs_restart(const Settings& before, const Settings& after);

// conf/cordond.toml: every setting, commented out, with its unit, default and reason.
std::string documented_settings();

}  // namespace cordon::proxy
