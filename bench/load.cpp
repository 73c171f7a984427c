// cordon-load: sends mail over many SMTP sessions and measures how fast it is taken.
//
//   cordon-load --to ADDRESS:PORT --sessions 100 --octets 4096 --seconds 10 --warmup 2
//   cordon-load --to ADDRESS:PORT --sessions 500 --messages 100000 --per-session 1
//   cordon-load --to ADDRESS:PORT --idle 10000 --from-hosts 2
//
// `--help` lists all options. Prints one line of JSON (bench/load_report.h). A refused message is
// counted and the session goes on; a lost connection is an error and opened again. Exit codes: 0
// the run came to its end, 1 there were too many errors, 2 wrong usage.
#include <cstdio>
#include <exception>
#include <memory>
#include <thread>

#include "bench/load_engine.h"
#include "bench/load_idle.h"
#include "bench/load_options.h"
#include "bench/load_report.h"

namespace {

using namespace cordon::bench;

int send_load(const Plan& plan) {
  Quota quota(plan.options, Clock::now());
  std::vector<std::unique_ptr<Engine>> engines;
  for (std::uint32_t i = 0; i < plan.options.threads; ++i) {
    engines.push_back(std::make_unique<Engine>(plan, quota, i));
  }
  std::vector<std::jthread> threads;
  for (std::uint32_t i = 1; i < plan.options.threads; ++i) {
    threads.emplace_back([&engine = *engines[i]] { engine.run(); });
  }
  engines.front()->run();
  threads.clear();  // joins them

  Tally tally = engines.front()->tally();
  for (std::uint32_t i = 1; i < plan.options.threads; ++i) tally.merge(engines[i]->tally());
  std::printf("%s\n", report(plan, tally).c_str());
  if (!quota.gave_up()) return 0;
  std::fprintf(stderr, "cordon-load: gave up after %llu errors\n",
               static_cast<unsigned long long>(tally.all.errors));
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    int exit_code = 0;
    auto options = parse_load_options(argc, argv, exit_code);
    if (!options) return exit_code;
    raise_descriptor_limit();
    const Plan plan(std::move(*options));
    return plan.options.idle > 0 ? hold_idle_sessions(plan) : send_load(plan);
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "cordon-load: %s\n", fault.what());
    return 1;
  }
}
