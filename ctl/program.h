// The command line of cordonctl, as a function: words in, exit code out.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "ctl/console.h"

namespace CLI {
class App;
}

namespace cordon::ctl {

// Gives the gateway at the socket, or null and why not.
using Connect = std::function<std::unique_ptr<Asked>(const std::string& socket, Outcome& trouble)>;

// `words` without the program's name.
int run(const std::vector<std::string>& words, Terminal terminal, const Connect& connect);

// What the words ask for, once they are understood.
using Task = std::function<int(Console&)>;

// Each adds its commands; the chosen one puts its work into `task`.
void add_message_commands(CLI::App& app, Task& task);  // queue, quarantine
void add_cordon_commands(CLI::App& app, Task& task);   // alert, cordon
void add_bait_commands(CLI::App& app, Task& task);
void add_record_commands(CLI::App& app, Task& task);  // status, revocation, warning, audit

}  // namespace cordon::ctl
