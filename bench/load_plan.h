// What all sessions of a run have in common. Made once; never changed while they run.
#pragma once

#include <string>

#include "bench/load_content.h"
#include "bench/load_options.h"

namespace cordon::bench {

// A command line, of which "%d" stands for the number of the message.
class Command {
 public:
  explicit Command(std::string line);
  // The line for message `number`; valid until the next call with the same `scratch`.
  std::string_view text(std::uint64_t number, std::string& scratch) const;

 private:
  std::string before_;
  std::string behind_;
  bool numbered_ = false;
};

struct Plan {
  explicit Plan(LoadOptions given);

  LoadOptions options;
  std::string ehlo;
  Command mail;
  Command rcpt;
  Content content;
};

}  // namespace cordon::bench
