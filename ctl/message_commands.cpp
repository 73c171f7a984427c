// cordonctl queue ..., cordonctl quarantine ...
#include "ctl/command_options.h"
#include "ctl/exit_code.h"
#include "ctl/program.h"

namespace cordon::ctl {
namespace {

using wire::Command;

// The two places differ in what is in them, not in what can be done.
struct Place {
  std::string name;
  Command list, show, content, release, remove;
};

CLI::App* add_list(CLI::App& group, Task& task, const Place& place) {
  auto options = std::make_shared<CommandOptions>();
  CLI::App* list = group.add_subcommand("list", "List messages, oldest first");
  add_selection(*list, options);
  add_limit(*list, options);
  add_show_baits(*list, options);
  list->callback([&task, options, place] {
    task = [options, place](Console& console) {
      return console.list(place.list, options->words, options->args);
    };
  });
  return list;
}

void add_show(CLI::App& group, Task& task, const Place& place) {
  auto options = std::make_shared<CommandOptions>();
  auto body = std::make_shared<bool>(false);
  auto parts = std::make_shared<bool>(false);
  CLI::App* show = group.add_subcommand("show", "Show one message: envelope, recipients, history");
  add_only_id(*show, options, "Id of the message");
  add_show_baits(*show, options);
  auto* with_body = show->add_flag("--body", *body, "Print the content, too (role review)");
  show->add_flag("--parts", *parts,
                 "List what the content is made of, too, without showing it: type, file name, size "
                 "and SHA-256 of each part (role review)")
      ->excludes(with_body);
  show->callback([&task, options, body, parts, place] {
    task = [options, body, parts, place](Console& console) {
      const int shown = console.show(place.show, options->id, options->args);
      if (shown != exit_done || !(*body || *parts)) return shown;
      return *parts ? console.print_parts(place.content, options->id)
                    : console.print_content(place.content, options->id);
    };
  });
}

void add_action(CLI::App& group, Task& task, const std::string& name, const std::string& help,
                const Action& action) {
  auto options = std::make_shared<CommandOptions>();
  CLI::App* command = group.add_subcommand(name, help);
  add_selection(*command, options);
  command->callback([&task, options, action] {
    task = [options, action](Console& console) { return console.change(action, options->words); };
  });
}

void add_common(CLI::App& group, Task& task, const Place& place, const std::string& release_help) {
  group.require_subcommand(1);
  add_list(group, task, place);
  add_show(group, task, place);
  add_action(group, task, "release", release_help + " Asks if it is more than one message.",
             {place.release, place.list, "Release", "released", "message", true, 1});
  add_action(group, task, "delete",
             "Delete messages; nobody is told, the envelope stays on record. Asks first.",
             {place.remove, place.list, "Delete", "deleted", "message", true, 0});
}

void add_export(CLI::App& group, Task& task) {
  auto options = std::make_shared<CommandOptions>();
  auto file = std::make_shared<std::string>();
  auto directory = std::make_shared<std::string>();
  CLI::App* command = group.add_subcommand(
      "export", "Write messages as they would be sent (.eml), to standard output or into files");
  add_selection(*command, options);
  auto* to_file =
      command->add_option("-o,--output", *file, "File for one message; must not exist yet");
  command->add_option("-d,--directory", *directory, "Directory for any number, as ID.eml")
      ->excludes(to_file);
  command->callback([&task, options, file, directory] {
    task = [options, file, directory](Console& console) {
      return console.export_content(options->words, *file, *directory);
    };
  });
}

}  // namespace

void add_message_commands(CLI::App& app, Task& task) {
  CLI::App* queue = app.add_subcommand("queue", "Mail that waits: held, deferred or on its way");
  queue->footer(
      "Queue names: incoming, in its cordoning period; deferred, an attempt failed; active, being "
      "delivered; hold, held back by an operator; needs-credentials, its user must log in again; "
      "uncertain, it may have left when cordond died.");
  add_common(*queue, task,
             {"queue", Command::queue_list, Command::queue_show, Command::queue_content,
              Command::queue_release, Command::queue_delete},
             "Send messages now, whatever is left of their cordoning period.");
  add_action(*queue, task, "hold", "Hold messages back until they are released",
             {Command::queue_hold, Command::queue_list, "Hold", "held", "message", false, 0});

  CLI::App* quarantine =
      app.add_subcommand("quarantine", "Mail that an alert stopped, for a person to decide on");
  add_common(*quarantine, task,
             {"quarantine", Command::quarantine_list, Command::quarantine_show,
              Command::quarantine_export, Command::quarantine_release, Command::quarantine_delete},
             "Let messages out to their recipients after all, though the cordon stays.");
  add_export(*quarantine, task);
}

}  // namespace cordon::ctl
