// A gateway that notes what it is asked and answers as set up.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ctl/connection.h"

namespace cordon::tests {

class FakeAsked : public ctl::Asked {
 public:
  std::vector<std::string> asked;  // requests as on the wire, without id
  std::map<wire::Command, std::vector<wire::Row>> rows;
  std::map<wire::Command, ctl::Outcome> outcomes;

  ctl::Outcome ask(wire::Request request, const ctl::RowHandler& each) override {
    const wire::CommandFacts& command = wire::facts(request.command);
    const std::string line = encode(request);
    const std::size_t args = line.find(R"(,"args":)");
    asked.push_back(
        std::string(command.name) +
        (args == std::string::npos ? "" : " " + line.substr(args + 8, line.size() - args - 9)));
    const auto outcome = outcomes.find(request.command);
    if (outcome != outcomes.end() && !outcome->second.ok()) return outcome->second;
    for (const wire::Row& row : rows[request.command]) each(row);
    ctl::Outcome done;
    if (outcome != outcomes.end()) done = outcome->second;
    if (command.changes && outcome == outcomes.end()) {
      done.end.changed =
          request.args.ids.empty() ? request.args.baits.size() : request.args.ids.size();
    }
    return done;
  }
};

}  // namespace cordon::tests
