// cordonctl: the operator's command.
#include <cstdlib>
#include <exception>
#include <iostream>

#include <unistd.h>

#include "ctl/exit_code.h"
#include "ctl/program.h"

int main(int argc, char** argv) {
  using namespace cordon::ctl;
  std::ios::sync_with_stdio(false);
  const bool out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  const char* no_colour = std::getenv("NO_COLOR");
  const bool colours = out_is_terminal && (no_colour == nullptr || *no_colour == '\0');
  Terminal terminal{std::cin,        std::cout, std::cerr, ::isatty(STDIN_FILENO) == 1,
                    out_is_terminal, colours};
  try {
    const int exit =
        run({argv + 1, argv + argc}, terminal, [](const std::string& socket, Outcome& trouble) {
          return Connection::open(socket, trouble);
        });
    std::cout.flush();
    if (exit == exit_done && !std::cout) {
      std::cerr << "cordonctl: the output could not be written\n";
      return exit_nothing;
    }
    return exit;
  } catch (const std::exception& fault) {
    std::cerr << "cordonctl: " << fault.what() << '\n';
    return exit_nothing;
  }
}
