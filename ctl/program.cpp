#include "ctl/program.h"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "ctl/exit_code.h"
#include "ctl/terminal_text.h"

namespace cordon::ctl {

int run(const std::vector<std::string>& words, Terminal terminal, const Connect& connect) {
  CLI::App app(
      "Looks after a Cordon gateway: what is held, what is in quarantine, who is cordoned.",
      "cordonctl");
  app.require_subcommand(1);
  app.fallthrough();

  std::string socket = "/run/cordon/control.sock";
  ConsoleOptions options;
  app.add_option("--socket", socket, "Control socket of cordond")
      ->envname("CORDON_SOCKET")
      ->capture_default_str();
  app.add_flag("--json", options.json, "Print JSON Lines, one object a row");
  app.add_flag("-y,--yes", options.yes, "Do not ask before what cannot be undone");

  Task task;
  add_record_commands(app, task);
  add_message_commands(app, task);
  add_cordon_commands(app, task);
  add_bait_commands(app, task);
  // After the subcommands, which would take it over.
  app.footer(
      "Exit codes: 0 done; 1 nothing matched, or it failed; 2 wrong usage; 3 cordond cannot be "
      "reached; 4 not permitted.\n"
      "Colours are left out if NO_COLOR is set or the output is no terminal.\n\n"
      "Examples:\n"
      "  cordonctl status\n"
      "  cordonctl quarantine list --alert 4\n"
      "  cordonctl quarantine list --origin 192.0.2.7 --json | jq -r .queue_id | cordonctl "
      "quarantine release --yes -\n"
      "  cordonctl cordon lift 2 --withdraw");

  try {
    std::vector<std::string> reversed(words.rbegin(), words.rend());  // as CLI11 takes them
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error, terminal.out, terminal.err);
    return code == 0 ? exit_done : exit_usage;
  }
  Outcome trouble;
  const auto gateway = connect(socket, trouble);
  if (!gateway) {
    terminal.err << "cordonctl: " << neutralised(socket) << ": "
                 << neutralised(trouble.error ? trouble.error->message : trouble.lost) << '\n';
    const bool refused = trouble.error && trouble.error->code == wire::ErrorCode::not_permitted;
    return refused ? exit_not_permitted : exit_unreachable;
  }
  Console console(*gateway, terminal, options);
  return task(console);
}

}  // namespace cordon::ctl
