// A conf file of any octets: read or refused, each problem with its place and in words that a
// terminal can show; and what was read is within its ranges.
#include <string>
#include <vector>

#include "fuzz.h"
#include "proxy/settings_reader.h"

using namespace cordon::proxy;
using cordon::fuzz::require;

namespace {

void check_problems(const SettingsError& error) {
  require(!error.problems.empty(), "a refusal has a reason");
  for (const auto& problem : error.problems) {
    require(!problem.text.empty(), "a problem has words");
    for (const char c : error.to_string())
      require(c == '\n' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F),
              "no control character reaches a terminal");
  }
}

void check_settings(const Settings& settings) {
  require(!settings.listeners.empty() && !settings.routes.empty(), "mail comes and goes");
  for (const auto& listener : settings.listeners)
    require(settings.routes.contains(listener.route), "each listener's route exists");
  require(settings.limits.max_recipients >= 100, "RFC 5321 4.5.3.1.8");
  require(settings.delivery.first_retry <= settings.delivery.max_retry, "waits do not shrink");
}

}  // namespace

// The first line, if it begins with "--set ", is an override.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text = cordon::fuzz::as_text(data, size);
  std::vector<std::string> overrides;
  while (text.starts_with("--set ")) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    overrides.emplace_back(text.substr(6, end - 6));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  const auto read = parse_settings(text, "fuzz.toml", overrides);
  if (read) {
    check_settings(*read);
    require(needs_restart(*read, *read).empty(), "nothing differs from itself");
  } else {
    check_problems(read.error());
  }
  return 0;
}
