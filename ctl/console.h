// What every command of cordonctl has in common: asking, confirming, printing, the exit code. Knows
// neither the command line nor sockets.
#pragma once

#include <istream>
#include <ostream>
#include <string>

#include "ctl/connection.h"
#include "ctl/printer.h"
#include "ctl/selection.h"

namespace cordon::ctl {

struct Terminal {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool in_is_terminal = false;
  bool out_is_terminal = false;
  bool colours = false;
};

struct ConsoleOptions {
  bool json = false;
  bool yes = false;  // do not ask
};

// An action, in words.
struct Action {
  wire::Command command;
  wire::Command list;    // that finds what it works on
  std::string question;  // "Delete" of "Delete 3 messages?"
  std::string done;      // "deleted" of "3 messages deleted."
  std::string noun = "message";
  bool ask = false;           // cannot be undone
  std::size_t ask_above = 0;  // ids that need no question
};

class Console {
 public:
  Console(Asked& gateway, Terminal terminal, ConsoleOptions options)
      : gateway_(gateway), terminal_(terminal), options_(options) {}

  // Lists; with a selection that matches nothing the exit code says so.
  int list(wire::Command command, const SelectionWords& words, wire::Arguments extra = {});
  // One thing whole.
  int show(wire::Command command, const std::string& id, wire::Arguments extra = {});
  // Finds what is selected, asks if that is due, and acts on exactly what was found.
  int change(const Action& action, const SelectionWords& words, const wire::Arguments& extra = {});
  // Acts on what `args` says, without ids.
  int change_directly(wire::Command command, wire::Arguments args, const std::string& done,
                      const std::string& noun);
  int test_bait(const std::string& address);

  // Writes content: to standard output, to a file, or each into a directory as ID.eml.
  int print_content(wire::Command command, const std::string& id);
  // Prints what the content is made of, and none of it.
  int print_parts(wire::Command command, const std::string& id);
  int export_content(const SelectionWords& words, const std::string& file,
                     const std::string& directory);

  int fail(const Outcome& outcome);
  int refuse(const std::string& why);  // wrong usage
  std::istream& in() { return terminal_.in; }

 private:
  bool find_ids(const Action& action, const Selection& selection, std::vector<std::int64_t>& ids,
                int& exit);
  bool confirmed(const Action& action, std::size_t count, int& exit);
  int finish_change(const wire::End& total, const std::string& done, const std::string& noun);
  int export_to(std::int64_t id, const std::string& path);
  Printer printer(Printer::Layout layout) const;

  Asked& gateway_;
  Terminal terminal_;
  ConsoleOptions options_;
};

}  // namespace cordon::ctl
