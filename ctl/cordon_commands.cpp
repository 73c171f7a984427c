// cordonctl alert ..., cordonctl cordon ...
#include "ctl/command_options.h"
#include "ctl/program.h"

namespace cordon::ctl {
namespace {

using wire::Command;

void add_alert_commands(CLI::App& app, Task& task) {
  CLI::App* group = app.add_subcommand("alert", "Uses of baits, and what was done about them");
  group->require_subcommand(1);

  auto listed = std::make_shared<CommandOptions>();
  CLI::App* list = group->add_subcommand("list", "List alerts, newest first");
  add_origin(*list, listed);
  add_limit(*list, listed);
  list->callback([&task, listed] {
    task = [listed](Console& console) {
      return console.list(Command::alert_list, listed->words, listed->args);
    };
  });

  auto shown = std::make_shared<CommandOptions>();
  CLI::App* show = group->add_subcommand(
      "show", "Show one alert with its cordon, the messages it stopped and the warnings");
  add_only_id(*show, shown, "Id of the alert");
  add_show_baits(*show, shown);
  show->callback([&task, shown] {
    task = [shown](Console& console) {
      return console.show(Command::alert_show, shown->id, shown->args);
    };
  });
}

void add_list_and_show(CLI::App& group, Task& task) {
  auto listed = std::make_shared<CommandOptions>();
  CLI::App* list = group.add_subcommand("list", "List cordons in force, newest first");
  add_origin(*list, listed);
  add_limit(*list, listed);
  list->add_flag("--lifted", listed->args.ended, "Those that were lifted, too");
  list->callback([&task, listed] {
    task = [listed](Console& console) {
      return console.list(Command::cordon_list, listed->words, listed->args);
    };
  });

  auto shown = std::make_shared<CommandOptions>();
  CLI::App* show = group.add_subcommand(
      "show", "Show one cordon, its alert, and what was said in its sessions since");
  add_only_id(*show, shown, "Id of the cordon");
  add_limit(*show, shown);
  add_show_baits(*show, shown);
  show->callback([&task, shown] {
    task = [shown](Console& console) {
      return console.show(Command::cordon_show, shown->id, shown->args);
    };
  });
}

void add_add_and_lift(CLI::App& group, Task& task) {
  auto added = std::make_shared<CommandOptions>();
  CLI::App* add = group.add_subcommand(
      "add",
      "Cordon an origin by hand: nothing of it leaves any more, what is held is quarantined");
  add->add_option("ORIGIN", added->args.origin, "Its id, an address or user of it, or its label")
      ->required();
  add->add_option("--reason", added->args.reason, "Why; for the alert and the audit trail");
  add->callback([&task, added] {
    task = [added](Console& console) {
      return console.change_directly(Command::cordon_add, added->args, "cordoned", "origin");
    };
  });

  auto lifted = std::make_shared<CommandOptions>();
  CLI::App* lift = group.add_subcommand(
      "lift", "Lift cordons: new mail of the origin flows again, the quarantine stays");
  add_ids(*lift, lifted, "Ids of cordons; - reads ids from standard input; ALL means all");
  lift->add_flag("--withdraw", lifted->args.withdraw,
                 "It was a mistake: what the cordon quarantined flows on, too. Asks first");
  lift->callback([&task, lifted] {
    task = [lifted](Console& console) {
      Action action{Command::cordon_lift, Command::cordon_list, "Lift", "lifted", "cordon"};
      if (lifted->args.withdraw) {
        action.question = "Release all that is quarantined by, and withdraw,";
        action.done = "withdrawn";
        action.ask = true;
      }
      return console.change(action, lifted->words, lifted->args);
    };
  });
}

}  // namespace

void add_cordon_commands(CLI::App& app, Task& task) {
  add_alert_commands(app, task);
  CLI::App* cordon = app.add_subcommand("cordon", "Origins of which nothing leaves after an alert");
  cordon->require_subcommand(1);
  add_list_and_show(*cordon, task);
  add_add_and_lift(*cordon, task);
}

}  // namespace cordon::ctl
