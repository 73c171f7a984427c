#include "bench/load_options.h"

#include <charconv>

#include <CLI/CLI.hpp>
#include <arpa/inet.h>

#include "bench/load_content.h"

namespace cordon::bench {
namespace {

bool read_target(const std::string& text, sockaddr_in& to) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos) return false;
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, port);
  if (error != std::errc{} || rest != end || port == 0) return false;
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  return inet_pton(AF_INET, text.substr(0, colon).c_str(), &to.sin_addr) == 1;
}

void add_options(CLI::App& app, LoadOptions& options, std::string& to) {
  app.add_option("--to", to, "The server, as ADDRESS:PORT (IPv4)")->required();
  app.add_option("--sessions", options.sessions, "Sessions at a time")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--octets", options.octets, "Size of a message's content")
      ->check(CLI::Range(smallest_content, std::size_t{1} << 30))
      ->capture_default_str();
  auto* messages = app.add_option("--messages", options.messages, "Messages to send in all");
  auto* seconds = app.add_option("--seconds", options.seconds,
                                 "Begin messages for so long (after the warm-up), then stop");
  messages->excludes(seconds)->check(CLI::PositiveNumber);
  seconds->check(CLI::PositiveNumber);
  app.add_option("--warmup", options.warmup, "Seconds at the start that do not count")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--per-session", options.per_session,
                 "Messages a connection, then QUIT and a new one; 0: all on one")
      ->capture_default_str();
  app.add_option("--rate", options.rate, "Messages to begin a second in all; 0: closed loop")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--from-hosts", options.from_hosts,
                 "Send from so many source addresses, 127.0.1.1 and on; 0: the system's choice")
      ->check(CLI::Range(0, 65'000))
      ->capture_default_str();
  app.add_option("--threads", options.threads)->check(CLI::Range(1, 64))->capture_default_str();
  app.add_option("--idle", options.idle,
                 "Open so many sessions, say EHLO, print \"ready\", hold them until stdin closes")
      ->excludes(messages, seconds);
  app.add_option("--max-errors", options.max_errors, "Give up after so many lost connections")
      ->capture_default_str();
  app.add_option("--patience", options.patience, "Seconds to wait for a reply")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_flag("--pipelining", options.pipelining, "MAIL, RCPT and DATA in one write (RFC 2920)");
  app.add_option("--helo", options.helo, "Name to greet with")->capture_default_str();
  app.add_option("--sender", options.sender, "%d stands for a running number")
      ->capture_default_str();
  app.add_option("--recipient", options.recipient, "Likewise")->capture_default_str();
}

}  // namespace

std::optional<LoadOptions> parse_load_options(int argc, char** argv, int& exit_code) {
  CLI::App app("Sends mail over many sessions and measures how fast it is taken.", "cordon-load");
  LoadOptions options;
  std::string to;
  add_options(app, options, to);
  try {
    app.parse(argc, argv);
    if (!read_target(to, options.to)) throw CLI::ValidationError("--to", "is not ADDRESS:PORT");
    if (options.idle == 0 && options.messages == 0 && options.seconds == 0) {
      throw CLI::RequiredError("--messages, --seconds or --idle");
    }
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 2;
    return std::nullopt;
  }
  return options;
}

}  // namespace cordon::bench
