// What cordon-sink was asked for.
#pragma once

#include <cstdint>
#include <string>

namespace cordon::bench {

struct SinkOptions {
  std::string address = "127.0.0.1";  // IPv4
  std::uint16_t port = 2526;          // 0: the system chooses
  std::string dir;                    // empty: messages are counted, not kept
  bool quiet = false;
  unsigned threads = 1;
};

}  // namespace cordon::bench
