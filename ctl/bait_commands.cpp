// cordonctl bait ...
#include "ctl/bait_words.h"
#include "ctl/command_options.h"
#include "ctl/program.h"

namespace cordon::ctl {
namespace {

using wire::Command;

struct BaitOptions {
  std::vector<std::string> words;
  std::string kind;
  std::string label;
  bool force = false;
};

void add_add(CLI::App& group, Task& task) {
  auto options = std::make_shared<BaitOptions>();
  CLI::App* add = group.add_subcommand("add", "Add baits: all of them, or none if one is refused");
  add->add_option("BAIT", options->words,
                  "name@domain, @domain (with its subdomains) or local:NAME (at any domain); - "
                  "reads one a line from standard input")
      ->required();
  add->add_option("--kind", options->kind, "What a bare value is: address, domain or local");
  add->add_option("--label", options->label, "Where it is planted, or why it exists");
  add->add_flag(
      "--force", options->force,
      "Also what honest mail may use: public suffixes, your own domains, names seen in the "
      "last 30 days");
  add->callback([&task, options] {
    task = [options](Console& console) {
      std::string fault;
      auto baits = read_baits(options->words, options->kind, options->label, console.in(), fault);
      if (!baits) return console.refuse(fault);
      if (baits->size() > wire::max_new_baits) return console.refuse("at most 10000 baits at once");
      wire::Arguments args;
      args.baits = std::move(*baits);
      args.force = options->force;
      return console.change_directly(Command::bait_add, std::move(args), "added", "bait");
    };
  });
}

}  // namespace

void add_bait_commands(CLI::App& app, Task& task) {
  CLI::App* group = app.add_subcommand("bait", "Addresses that only an intruder writes to");
  group->require_subcommand(1);

  auto listed = std::make_shared<CommandOptions>();
  CLI::App* list = group->add_subcommand("list", "List baits by their ids");
  add_limit(*list, listed);
  add_show_baits(*list, listed);
  list->add_flag("--retired", listed->args.ended, "Those that were removed, too");
  list->callback([&task, listed] {
    task = [listed](Console& console) {
      return console.list(Command::bait_list, {}, listed->args);
    };
  });

  add_add(*group, task);

  auto removed = std::make_shared<CommandOptions>();
  CLI::App* remove = group->add_subcommand("remove", "Retire baits: they raise no alerts any more");
  add_ids(*remove, removed, "Ids of baits; - reads ids from standard input; ALL means all");
  remove->add_option("--reason", removed->args.reason, "Why; for the audit trail");
  remove->callback([&task, removed] {
    task = [removed](Console& console) {
      const Action action{Command::bait_remove, Command::bait_list, "Remove", "removed", "bait"};
      return console.change(action, removed->words, removed->args);
    };
  });

  auto address = std::make_shared<std::string>();
  CLI::App* test = group->add_subcommand(
      "test", "Tell which bait an address would hit, without an alert; exit code 1 if none");
  test->add_option("ADDRESS", *address, "name@domain")->required();
  test->callback([&task, address] {
    task = [address](Console& console) { return console.test_bait(*address); };
  });
}

}  // namespace cordon::ctl
