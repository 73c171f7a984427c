// The command line of cordon-load.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <netinet/in.h>

namespace cordon::bench {

struct LoadOptions {
  sockaddr_in to{};
  std::uint32_t sessions = 1;
  std::uint32_t octets = 4096;    // of a message's content, without the final dot
  std::uint64_t messages = 0;     // in all; 0 = as many as the seconds give
  double seconds = 0;             // after the warm-up; 0 = until the messages are sent
  double warmup = 0;              // seconds
  std::uint32_t per_session = 0;  // messages a connection; 0 = all on one
  double rate = 0;                // messages begun a second in all; 0 = closed loop
  std::uint32_t from_hosts = 0;   // source addresses from 127.0.1.1 on; 0 = the system's choice
  std::uint32_t threads = 1;
  std::uint32_t idle = 0;          // sessions to hold instead of sending
  std::uint32_t max_errors = 100;  // connections lost before it gives up
  double patience = 60;            // seconds for a reply, then the connection counts as lost
  bool pipelining = false;
  std::string helo = "load.example";
  std::string sender = "load@client.example";     // %d: the message's running number
  std::string recipient = "anna@server.example";  // likewise
};

// nullopt if there is nothing to do but to exit with `exit_code`; what was wrong has been said.
std::optional<LoadOptions> parse_load_options(int argc, char** argv, int& exit_code);

}  // namespace cordon::bench
