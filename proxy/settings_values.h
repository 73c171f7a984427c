// How a single setting's value is written, checked and shown: durations ("60s", "5m"), sizes
// ("50 MiB"), words, addresses. Knows no file format.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/settings.h"

namespace cordon::proxy {

// Where a setting is kept; its type says how it is written.
using Target = std::variant<bool*, std::uint16_t*, std::uint32_t*, std::uint64_t*, double*,
                            Seconds*, std::optional<Seconds>*, std::string*,
                            std::vector<std::string>*, Mode*, std::optional<Mode>*, OnCap*,
                            LogFormat*, Lookup*, Extension*, VerifyRecipients*, UpstreamTls*,
                            AuthMechanism*, TellClient*, ListenerTls*, ListenerAuth*, AuthVerify*>;

// What a text (or each text of a list) must be.
enum class Form : std::uint8_t {
  any,
  name,                  // letters, digits, "-", "_"
  host,                  // host name or IP address
  domain,                // mail domain
  domain_or_below,       // mail domain, or .domain
  listen_address,        // IP address and port
  server_address,        // IP address, with a port or without
  network,               // CIDR
  mailbox_or_local,      // name@domain, or name
  mailbox_or_at_domain,  // name@domain, or @domain
  log_level,
  sha256,  // hex, ":" allowed
  octets,  // of an integer: a size
};

// The facts of one setting. `least` and `most` bound numbers; durations in seconds.
struct KeyFacts {
  std::string_view name;  // dotted; within a repeated table only the last part
  std::string_view why;   // one line
  std::string_view unit;  // what a number counts; empty if the type says it
  double least = 0;
  double most = std::numeric_limits<double>::infinity();
  Form form = Form::any;
  bool may_be_empty = false;  // "" is allowed, and means what `why` says
  bool live = true;           // SIGHUP may change it; else it takes effect at a restart
};

// What was written for a setting, whatever it should have been.
struct Unfit {
  std::string what;  // "a table", "a date"
};
using Value =
    std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>, Unfit>;

// Sets `target` if `value` fits it; else returns what was expected and what was found, in words,
// and leaves `target` as it was.
std::optional<std::string> assign(const Target& target, const KeyFacts& facts, const Value& value);

// "a duration such as \"60s\", from 1s to 7d": for messages and for the commented conf file.
enum class Examples : bool { no, yes };
std::string expectation(const Target& target, const KeyFacts& facts,
                        Examples examples = Examples::yes);

// The present value as TOML text: "60s" with its quotes, true, ["a", "b"].
std::string to_toml(const Target& target, const KeyFacts& facts);

bool equal(const Target& one, const Target& other);

// "60s", "5m", "1h30m", "5d", "250ms".
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);
std::string format_duration(Seconds duration);
// "50 MiB", "50M", "1024". K, M and G count by 1024.
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t octets);

}  // namespace cordon::proxy
