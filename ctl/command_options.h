// Options that several commands share, in one wording. For the files that know CLI11.
#pragma once

#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "ctl/selection.h"
#include "wire/request.h"

namespace cordon::ctl {

// Outlives the parsing: callbacks hold it.
struct CommandOptions {
  SelectionWords words;
  wire::Arguments args;
  std::string id;
};
using SharedOptions = std::shared_ptr<CommandOptions>;

inline void add_ids(CLI::App& command, const SharedOptions& options, const char* what) {
  command.add_option("ID", options->words.ids, what);
}

inline void add_only_id(CLI::App& command, const SharedOptions& options, const char* what) {
  command.add_option("ID", options->id, what)->required();
}

inline void add_origin(CLI::App& command, const SharedOptions& options) {
  command.add_option("--origin", options->words.origin,
                     "Only of this origin: its id, an address or user of it, or its label");
}

inline void add_ages(CLI::App& command, const SharedOptions& options) {
  command.add_option("--older-than", options->words.older_than,
                     "Only accepted longer ago than this: 90s, 5m, 2h, 3d, 1w");
  command.add_option("--younger-than", options->words.younger_than,
                     "Only accepted more recently than this");
}

inline void add_envelope(CLI::App& command, const SharedOptions& options) {
  command.add_option("--sender", options->words.sender, "Only from this address, or @domain");
  command.add_option("--recipient", options->words.recipient, "Only to this address, or @domain");
}

inline void add_alert(CLI::App& command, const SharedOptions& options) {
  command.add_option("--alert", options->words.alert, "Only what this alert caused, by its id");
}

inline void add_limit(CLI::App& command, const SharedOptions& options) {
  command.add_option("--limit", options->args.limit, "At most so many rows")
      ->check(CLI::NonNegativeNumber);
}

inline void add_show_baits(CLI::App& command, const SharedOptions& options) {
  command.add_flag("--show-baits", options->args.show_baits,
                   "Show the baits themselves, not their ids (role admin)");
}

inline void add_selection(CLI::App& command, const SharedOptions& options) {
  add_ids(command, options, "Ids of messages; - reads ids from standard input; ALL means all");
  add_origin(command, options);
  add_envelope(command, options);
  add_alert(command, options);
  add_ages(command, options);
}

}  // namespace cordon::ctl
