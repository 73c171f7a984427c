// The log: one line an event, as text or JSON, written by spdlog. An event has a name and fields;
// session and message ids are always fields named `session` and `id`. Baits appear by id only, and
// no credential ever does. Any thread.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "proxy/settings.h"

namespace cordon::proxy::log {

// One field of an event. Values are told as text or as whole numbers.
struct Field {
  std::string_view name;
  std::string_view text;
  std::int64_t number = 0;
  bool is_number = false;

  Field(std::string_view n, std::string_view t) : name(n), text(t) {}
  Field(std::string_view n, const std::string& t) : name(n), text(t) {}
  Field(std::string_view n, const char* t) : name(n), text(t) {}
  template <typename T>
  requires std::integral<T> || std::is_enum_v<T> Field(std::string_view n, T value)
      : name(n), number(static_cast<std::int64_t>(value)), is_number(true) {}
};

enum class Level : std::uint8_t { debug, info, warn, error };

// Throws std::runtime_error if the log file cannot be opened. Called once at start.
void open(const Settings::Log& settings);
void set_level(const std::string& level);  // as in Settings::Log
void close();                              // writes out what is pending

void event(Level level, std::string_view name, std::initializer_list<Field> fields);

inline void debug(std::string_view name, std::initializer_list<Field> f) {
  event(Level::debug, name, f);
}
inline void info(std::string_view name, std::initializer_list<Field> f) {
  event(Level::info, name, f);
}
inline void warn(std::string_view name, std::initializer_list<Field> f) {
  event(Level::warn, name, f);
}
inline void error(std::string_view name, std::initializer_list<Field> f) {
  event(Level::error, name, f);
}

// The line without time and level: for tests, and what event() writes.
std::string format(LogFormat format, std::string_view name, std::initializer_list<Field> fields);

}  // namespace cordon::proxy::log
