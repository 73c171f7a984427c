// cordond: reads the settings, runs the gateway, obeys signals.
//
//   cordond [--config FILE] [--set KEY=VALUE ...] [--check]
//
// SIGTERM, SIGINT: clean stop. SIGHUP: reads the settings again; a bad file leaves the old ones in
// force. Exit codes: 0 clean stop or good settings, 1 cannot start, 2 wrong usage or settings.
#include <iostream>
#include <thread>

#include <CLI/CLI.hpp>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "proxy/daemon.h"
#include "proxy/log.h"
#include "proxy/settings_reader.h"
#include "proxy/version.h"

namespace {

using cordon::proxy::Config;
using cordon::proxy::Daemon;
namespace log = cordon::proxy::log;

struct Arguments {
  std::string config;
  std::vector<std::string> overrides;
};

// nullptr after telling why on standard error or in the log.
std::shared_ptr<const Config> read_config(const Arguments& from, std::string& why) {
  const auto settings = cordon::proxy::read_settings(from.config, from.overrides);
  if (!settings) {
    why = settings.error().to_string();
    return nullptr;
  }
  try {
    return std::make_shared<const Config>(*settings);
  } catch (const std::runtime_error& fault) {
    why = fault.what();
    return nullptr;
  }
}

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  return set;
}

// Signals are taken by one thread in turn, as plain values.
void obey_signals(Daemon& daemon, const Arguments& arguments) {
  const sigset_t set = handled_signals();
  for (;;) {
    int number = 0;
    if (sigwait(&set, &number) != 0) continue;
    if (number != SIGHUP) {
      daemon.stop();
      return;
    }
    std::string why;
    if (auto config = read_config(arguments, why))
      daemon.reload(std::move(config));
    else
      log::error("settings.refused", {{"why", why}, {"effect", "the old settings stay in force"}});
  }
}

// Passwords and keys pass through, and mail does: none may end up in a core file. The limit does
// not hold for a core_pattern that is a pipe (core(5)); of a process that is not "dumpable" no core
// is made at all, nobody without CAP_SYS_PTRACE may attach to it, and what /proc tells of it
// belongs to root (prctl(2)). A change of user or capabilities would undo that, so
// it comes after those; cordond is started as who it is and changes neither.
void leave_no_core() {
  const rlimit none{0, 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
    throw std::runtime_error("cannot make sure that no core is left");
}

int serve(const std::shared_ptr<const Config>& config, const Arguments& arguments) {
  // Blocked before any thread starts, so that all of them inherit it.
  const sigset_t set = handled_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  try {
    leave_no_core();
    log::open(config->settings().log);
    Daemon daemon(config);
    std::thread signals([&] { obey_signals(daemon, arguments); });
    daemon.run();
    signals.join();
  } catch (const std::runtime_error& fault) {
    log::close();
    std::cerr << "cordond: " << fault.what() << '\n';
    return 1;
  }
  log::close();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Cordon's gateway: holds outbound mail for a while, and catches mass mailers by baits."};
  Arguments arguments;
  bool check = false;
  app.add_option("--config", arguments.config, "settings file; without it the built-in defaults")
      ->type_name("FILE");
  app.add_option("--set", arguments.overrides, "overrides one setting: cordoning.period=5s")
      ->type_name("KEY=VALUE")
      ->take_all();
  app.add_flag("--check", check, "reads the settings, says what is wrong with them, and ends");
  app.set_version_flag("--version", std::string("cordond ") + cordon::proxy::version);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  std::string why;
  const auto config = read_config(arguments, why);
  if (!config) {
    std::cerr << why << '\n';
    return 2;
  }
  if (check) {
    std::cout << "the settings are good\n";
    return 0;
  }
  return serve(config, arguments);
}
