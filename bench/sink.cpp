// cordon-sink: a small mail server that keeps what it gets. The upstream of `tools/run`, of tests
// and of benchmarks.
//
//   cordon-sink [--listen ADDRESS:PORT] [--dir DIR] [--quiet] [--threads N]
//
// With --dir each message becomes DIR/NNNNNN.eml, beside NNNNNN.env with a line for the sender and
// one for each recipient. Recipients choose their fate by their local part: bounce... is refused
// with 550, later... with 450 at the first try, slow... makes the final 250 take a second. Prints
// "listening on PORT" when it is ready, a line a message unless --quiet, and "messages N octets M",
// the content taken so far, at SIGUSR1 and when SIGINT or SIGTERM ends it.
#include <cerrno>
#include <csignal>
#include <exception>
#include <iostream>
#include <limits>
#include <system_error>
#include <thread>

#include <sys/eventfd.h>

#include "bench/sink_server.h"

namespace {

using namespace cordon::bench;

bool parse(int argc, char** argv, SinkOptions& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--quiet") {
      options.quiet = true;
    } else if (word == "--dir" && i + 1 < argc) {
      options.dir = argv[++i];
    } else if (word == "--threads" && i + 1 < argc) {
      options.threads = static_cast<unsigned>(std::stoul(argv[++i]));
      if (options.threads == 0) return false;
    } else if (word == "--listen" && i + 1 < argc) {
      const std::string where = argv[++i];
      const auto colon = where.rfind(':');
      if (colon == std::string::npos) return false;
      options.address = where.substr(0, colon);
      options.port = static_cast<std::uint16_t>(std::stoul(where.substr(colon + 1)));
    } else {
      return false;
    }
  }
  return true;
}

std::shared_ptr<const cordon::smtp::ServerOptions> what_is_offered() {
  auto offered = std::make_shared<cordon::smtp::ServerOptions>();
  offered->hostname = "sink.example";
  offered->smtputf8 = true;
  // A benchmark may send all it has over one connection.
  offered->max_commands = std::numeric_limits<std::uint32_t>::max();
  return offered;
}

// Blocked in every thread, so that only sigwait() takes them.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGUSR1}) sigaddset(&signals, number);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

void serve(const SinkOptions& options) {
  const sigset_t signals = block_signals();
  raise_descriptor_limit();
  const Descriptor stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop) throw std::system_error(errno, std::generic_category(), "eventfd");
  const bool shared = options.threads > 1;
  Mailbag bag(options);
  const auto offered = what_is_offered();
  std::vector<std::unique_ptr<SinkServer>> servers;
  std::uint16_t port = options.port;
  for (unsigned i = 0; i < options.threads; ++i) {
    Descriptor listener = listen_on(options.address, port, shared);
    port = port_of(listener);
    servers.push_back(
        std::make_unique<SinkServer>(std::move(listener), stop.number(), bag, offered));
  }
  std::vector<std::jthread> threads;
  threads.reserve(servers.size());
  for (const auto& server : servers) threads.emplace_back([&server] { server->run(); });
  std::cout << "listening on " << port << std::endl;

  int number = 0;
  while (sigwait(&signals, &number) == 0 && number == SIGUSR1) {
    std::cout << bag.counts() + '\n' << std::flush;
  }
  eventfd_write(stop.number(), 1);
  threads.clear();  // joins them
  std::cout << bag.counts() << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
  SinkOptions options;
  try {
    if (!parse(argc, argv, options)) {
      std::cerr
          << "usage: cordon-sink [--listen ADDRESS:PORT] [--dir DIR] [--quiet] [--threads N]\n";
      return 2;
    }
    serve(options);
  } catch (const std::exception& fault) {
    std::cerr << "cordon-sink: " << fault.what() << '\n';
    return 1;
  }
  return 0;
}
