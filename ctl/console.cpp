#include "ctl/console.h"

#include <algorithm>

#include "ctl/content_file.h"
#include "ctl/exit_code.h"
#include "ctl/message_outline.h"
#include "ctl/part_rows.h"
#include "ctl/terminal_text.h"

namespace cordon::ctl {
namespace {

std::string counted(std::uint64_t count, const std::string& noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

wire::Request ask_for(wire::Command command, wire::Arguments args) {
  return {0, command, std::move(args)};
}

// The selection's part of the arguments on top of what the command adds.
wire::Arguments with(const wire::Arguments& selected, wire::Arguments extra) {
  extra.ids = selected.ids;
  extra.origin = selected.origin;
  extra.sender = selected.sender;
  extra.recipient = selected.recipient;
  extra.alert = selected.alert;
  extra.older_than = selected.older_than;
  extra.younger_than = selected.younger_than;
  return extra;
}

}  // namespace

Printer Console::printer(Printer::Layout layout) const {
  return {terminal_.out,
          options_.json ? Printer::Layout::json : layout,
          {terminal_.colours, terminal_.out_is_terminal}};
}

int Console::refuse(const std::string& why) {
  terminal_.err << "cordonctl: " << why << '\n';
  return exit_usage;
}

int Console::fail(const Outcome& outcome) {
  if (!outcome.lost.empty()) {
    terminal_.err << "cordonctl: " << neutralised(outcome.lost) << '\n';
    return exit_unreachable;
  }
  const wire::ErrorReply& error = *outcome.error;
  terminal_.err << "cordonctl: " << neutralised(error.message) << '\n';
  switch (error.code) {
    case wire::ErrorCode::not_permitted:
      return exit_not_permitted;
    case wire::ErrorCode::busy:
      return exit_unreachable;
    case wire::ErrorCode::bad_argument:
      return exit_usage;
    default:
      return exit_nothing;
  }
}

int Console::list(wire::Command command, const SelectionWords& words, wire::Arguments extra) {
  std::string fault;
  const auto selection = read_selection(words, terminal_.in, fault);
  if (!selection) return refuse(fault);
  if (selection->args.ids.size() > wire::max_ids) return refuse("too many ids to list at once");
  Printer rows = printer(Printer::Layout::list);
  const Outcome outcome = gateway_.ask(ask_for(command, with(selection->args, std::move(extra))),
                                       [&](const wire::Row& row) { rows.row(row); });
  rows.finish();
  if (!outcome.ok()) return fail(outcome);
  if (rows.rows() != 0) return exit_done;
  const bool selected = selection->filtered || !selection->args.ids.empty();
  if (!options_.json) {
    terminal_.err << (selected ? "Nothing matches.\n" : "There is nothing.\n");
  }
  return selected ? exit_nothing : exit_done;
}

int Console::show(wire::Command command, const std::string& id, wire::Arguments extra) {
  if (wire::facts(command).arguments & wire::takes::ids) {
    const auto number = parse_id(id);
    if (!number) return refuse("\"" + neutralised(id) + "\" is no id; ids are numbers");
    extra.ids = {*number};
  }
  Printer rows = printer(Printer::Layout::show);
  const Outcome outcome = gateway_.ask(ask_for(command, std::move(extra)),
                                       [&](const wire::Row& row) { rows.row(row); });
  rows.finish();
  return outcome.ok() ? exit_done : fail(outcome);
}

// ---- changes

int Console::change(const Action& action, const SelectionWords& words,
                    const wire::Arguments& extra) {
  std::string fault;
  const auto selection = read_selection(words, terminal_.in, fault);
  if (!selection) return refuse(fault);
  if (selection->nothing()) {
    return refuse("say which " + action.noun + "s: ids, - to read ids, a selection, or ALL");
  }
  std::vector<std::int64_t> ids;
  int exit = exit_done;
  if (!find_ids(action, *selection, ids, exit)) return exit;
  if (ids.empty()) {
    terminal_.err << "Nothing matches.\n";
    return exit_nothing;
  }
  if (action.ask && ids.size() > action.ask_above && !confirmed(action, ids.size(), exit)) {
    return exit;
  }
  wire::End total;
  for (std::size_t begin = 0; begin < ids.size(); begin += wire::max_ids) {
    const std::size_t end = std::min(begin + wire::max_ids, ids.size());
    wire::Arguments args = extra;
    args.ids.assign(ids.begin() + static_cast<std::ptrdiff_t>(begin),
                    ids.begin() + static_cast<std::ptrdiff_t>(end));
    const Outcome outcome =
        gateway_.ask(ask_for(action.command, std::move(args)), [](const wire::Row&) {});
    if (!outcome.ok()) {
      if (total.changed != 0) finish_change(total, action.done, action.noun);
      return fail(outcome);
    }
    total.changed += outcome.end.changed;
    total.notes.insert(total.notes.end(), outcome.end.notes.begin(), outcome.end.notes.end());
  }
  return finish_change(total, action.done, action.noun);
}

bool Console::find_ids(const Action& action, const Selection& selection,
                       std::vector<std::int64_t>& ids, int& exit) {
  if (selection.by_ids()) {
    ids = selection.args.ids;
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return true;
  }
  wire::Arguments args = selection.args;
  const std::uint32_t takes = wire::facts(action.list).arguments;
  args.ids_only = (takes & wire::takes::ids_only) != 0;
  // Without that the list is one of those that are cut unless told otherwise.
  if (!args.ids_only && (takes & wire::takes::limit) != 0) args.limit = 1'000'000;
  const Outcome outcome = gateway_.ask(ask_for(action.list, args), [&](const wire::Row& row) {
    if (const auto* message = std::get_if<wire::IdRow>(&row)) {
      ids.push_back(message->queue_id.value);
    } else if (const auto* bait = std::get_if<wire::BaitRow>(&row)) {
      ids.push_back(bait->bait_id.value);
    } else if (const auto* cordon = std::get_if<wire::CordonRow>(&row)) {
      ids.push_back(cordon->cordon_id.value);
    } else if (const auto* warning = std::get_if<wire::WarningRow>(&row);
               warning != nullptr && warning->state == "awaiting_approval") {
      ids.push_back(warning->warning_id.value);
    }
  });
  if (!outcome.ok()) exit = fail(outcome);
  return outcome.ok();
}

bool Console::confirmed(const Action& action, std::size_t count, int& exit) {
  if (options_.yes) return true;
  const std::string what = action.question + " " + counted(count, action.noun);
  if (!terminal_.in_is_terminal) {
    exit = refuse(what + "? That cannot be undone: give --yes, as standard input is no terminal");
    return false;
  }
  terminal_.err << what << "? This cannot be undone. [y/N] " << std::flush;
  std::string answer;
  std::getline(terminal_.in, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return true;
  terminal_.err << "Nothing was done.\n";
  exit = exit_nothing;
  return false;
}

int Console::change_directly(wire::Command command, wire::Arguments args, const std::string& done,
                             const std::string& noun) {
  const Outcome outcome = gateway_.ask(ask_for(command, std::move(args)), [](const wire::Row&) {});
  if (!outcome.ok()) return fail(outcome);
  return finish_change(outcome.end, done, noun);
}

int Console::finish_change(const wire::End& total, const std::string& done,
                           const std::string& noun) {
  if (options_.json) {
    terminal_.out << encode(wire::Reply(total)) << '\n';
  } else {
    for (const std::string& note : total.notes) terminal_.err << neutralised(note) << '\n';
    terminal_.out << counted(total.changed, noun) << ' ' << done << ".\n";
  }
  return total.changed != 0 ? exit_done : exit_nothing;
}

int Console::test_bait(const std::string& address) {
  wire::Arguments args;
  args.address = address;
  Printer rows = printer(Printer::Layout::list);
  const Outcome outcome = gateway_.ask(ask_for(wire::Command::bait_test, std::move(args)),
                                       [&](const wire::Row& row) { rows.row(row); });
  rows.finish();
  if (!outcome.ok()) return fail(outcome);
  if (rows.rows() != 0) return exit_done;
  if (!options_.json) terminal_.err << "It is no bait.\n";
  return exit_nothing;
}

// ---- content

int Console::print_content(wire::Command command, const std::string& id) {
  const auto number = parse_id(id);
  if (!number) return refuse("\"" + neutralised(id) + "\" is no id; ids are numbers");
  wire::Arguments args;
  args.ids = {*number};
  const Outcome outcome =
      gateway_.ask(ask_for(command, std::move(args)), [&](const wire::Row& row) {
        if (options_.json) {
          terminal_.out << encode(row) << '\n';
        } else if (const auto* piece = std::get_if<wire::ContentRow>(&row)) {
          terminal_.out << (terminal_.out_is_terminal ? neutralised(piece->octets, Lines::many)
                                                      : piece->octets);
        }
      });
  return outcome.ok() ? exit_done : fail(outcome);
}

int Console::print_parts(wire::Command command, const std::string& id) {
  const auto number = parse_id(id);
  if (!number) return refuse("\"" + neutralised(id) + "\" is no id; ids are numbers");
  wire::Arguments args;
  args.ids = {*number};
  std::string content;
  bool cut_off = false;
  const Outcome outcome =
      gateway_.ask(ask_for(command, std::move(args)), [&](const wire::Row& row) {
        const auto* piece = std::get_if<wire::ContentRow>(&row);
        if (piece == nullptr) return;
        const std::size_t room = max_outline_octets - content.size();
        content += piece->octets.substr(0, room);
        cut_off = cut_off || piece->octets.size() > room;
      });
  if (!outcome.ok()) return fail(outcome);
  const MessageOutline outline = outline_of(content, cut_off);
  if (options_.json) {
    print_parts_as_json(outline, terminal_.out);
  } else {
    print_parts_as_table(outline, terminal_.out, {terminal_.colours, terminal_.out_is_terminal});
    for (const std::string& note : outline.notes) terminal_.err << note << '\n';
  }
  return exit_done;
}

int Console::export_content(const SelectionWords& words, const std::string& file,
                            const std::string& directory) {
  std::string fault;
  const auto selection = read_selection(words, terminal_.in, fault);
  if (!selection) return refuse(fault);
  if (selection->nothing()) return refuse("say which messages: ids, a selection, or ALL");
  const Action finding{wire::Command::quarantine_export, wire::Command::quarantine_list, "", ""};
  std::vector<std::int64_t> ids;
  int exit = exit_done;
  if (!find_ids(finding, *selection, ids, exit)) return exit;
  if (ids.empty()) {
    terminal_.err << "Nothing matches.\n";
    return exit_nothing;
  }
  if (directory.empty()) {
    if (ids.size() != 1) return refuse("more than one message needs --directory");
    if (file.empty()) {
      return print_content(wire::Command::quarantine_export, std::to_string(ids.front()));
    }
    return export_to(ids.front(), file);
  }
  for (const std::int64_t id : ids) {
    const int one = export_to(id, directory + "/" + std::to_string(id) + ".eml");
    if (one == exit_unreachable || one == exit_not_permitted) return one;
    exit = std::max(exit, one);
  }
  return exit;
}

int Console::export_to(std::int64_t id, const std::string& path) {
  ContentFile file(path);
  if (file.fault().empty()) {
    wire::Arguments args;
    args.ids = {id};
    const Outcome outcome = gateway_.ask(
        ask_for(wire::Command::quarantine_export, std::move(args)), [&](const wire::Row& row) {
          if (const auto* piece = std::get_if<wire::ContentRow>(&row)) file.write(piece->octets);
        });
    if (!outcome.ok()) return fail(outcome);
  }
  if (!file.keep()) {
    terminal_.err << "cordonctl: " << path << ": " << file.fault() << '\n';
    return exit_nothing;
  }
  if (!options_.json) terminal_.err << path << '\n';
  return exit_done;
}

}  // namespace cordon::ctl
