// cordonctl status, revocation, warning, audit
#include "ctl/command_options.h"
#include "ctl/program.h"

namespace cordon::ctl {
namespace {

using wire::Command;

void add_revocation_commands(CLI::App& app, Task& task) {
  CLI::App* group =
      app.add_subcommand("revocation", "Records of committed mail: who already got what");
  group->require_subcommand(1);
  auto listed = std::make_shared<CommandOptions>();
  CLI::App* list = group->add_subcommand("list", "List records, by origin and recipient");
  add_origin(*list, listed);
  add_envelope(*list, listed);
  add_ages(*list, listed);
  add_limit(*list, listed);
  add_show_baits(*list, listed);
  list->callback([&task, listed] {
    task = [listed](Console& console) {
      return console.list(Command::revocation_list, listed->words, listed->args);
    };
  });
}

void add_warning_commands(CLI::App& app, Task& task) {
  CLI::App* group = app.add_subcommand(
      "warning", "Notices to those who got a message before the alert on its origin");
  group->require_subcommand(1);

  auto listed = std::make_shared<CommandOptions>();
  CLI::App* list = group->add_subcommand("list", "List warnings, newest first");
  add_alert(*list, listed);
  add_limit(*list, listed);
  add_show_baits(*list, listed);
  list->callback([&task, listed] {
    task = [listed](Console& console) {
      return console.list(Command::warning_list, listed->words, listed->args);
    };
  });

  auto approved = std::make_shared<CommandOptions>();
  CLI::App* approve = group->add_subcommand(
      "approve",
      "Send warnings that wait for approval: to other domains, or above a limit. Asks if "
      "it is more than one");
  add_ids(*approve, approved, "Ids of warnings; - reads ids from standard input; ALL means all");
  add_alert(*approve, approved);
  approve->callback([&task, approved] {
    task = [approved](Console& console) {
      const Action action{
          Command::warning_approve, Command::warning_list, "Send", "approved", "warning", true, 1};
      return console.change(action, approved->words);
    };
  });
}

}  // namespace

void add_record_commands(CLI::App& app, Task& task) {
  CLI::App* status = app.add_subcommand("status", "Figures of this moment; counters since start");
  status->callback(
      [&task] { task = [](Console& console) { return console.show(Command::status, ""); }; });

  add_revocation_commands(app, task);
  add_warning_commands(app, task);

  auto audited = std::make_shared<CommandOptions>();
  CLI::App* audit =
      app.add_subcommand("audit", "List the decisions of operators, and of Cordon, newest first");
  add_limit(*audit, audited);
  audit->callback([&task, audited] {
    task = [audited](Console& console) { return console.list(Command::audit, {}, audited->args); };
  });
}

}  // namespace cordon::ctl
