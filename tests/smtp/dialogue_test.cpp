// Runs each file of dialogues/: what a client says, and what the automaton answers and does.
//
//   # ...            a comment
//   option NAME N    sets a number or switch of ServerOptions; "xclient 1" lets the client use
//   XCLIENT,
//                    "tls 1" is a connection that has TLS from its beginning
//   C: text          the client's line; CRLF is added. Lines up to the next S: go in at once
//   C~ text          the same without CRLF
//   E: time_out      the carrier's event: time_out, shut_down or connection_lost
//   S: text          a reply line
//   A: text          what befell a message or the connection (see model_carrier.h)
//
// Escapes: \r \n \0 \t \\ \xHH. With CORDON_GOLDEN=write in the environment, the S: and A: lines of
// the files are written anew instead of compared.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include <doctest/doctest.h>

#include "model_carrier.h"

namespace cordon::smtp::test {
namespace {

struct Step {
  std::vector<std::string> said;  // the lines of the file that lead to it, as written
  std::string octets;
  std::string event;
  std::vector<std::string> expected;
};

struct Dialogue {
  std::vector<std::string> head;  // comments and options
  ServerOptions options;
  unsigned xclient = 0;
  unsigned tls = 0;
  std::vector<Step> steps;  // the first is the greeting: nothing said
};

void set_option(Dialogue& dialogue, const std::string& name, unsigned value) {
  ServerOptions& options = dialogue.options;
  const std::map<std::string, std::function<void()>> setters{
      {"max_message_octets", [&] { options.max_message_octets = value; }},
      {"max_recipients", [&] { options.max_recipients = value; }},
      {"max_errors", [&] { options.max_errors = value; }},
      {"max_commands", [&] { options.max_commands = value; }},
      {"max_idle_commands", [&] { options.max_idle_commands = value; }},
      {"max_messages", [&] { options.max_messages = value; }},
      {"eight_bit_mime", [&] { options.eight_bit_mime = value != 0; }},
      {"smtputf8", [&] { options.smtputf8 = value != 0; }},
      {"dsn", [&] { options.dsn = value != 0; }},
      {"chunking", [&] { options.chunking = value != 0; }},
      {"starttls", [&] { options.starttls = value != 0; }},
      {"require_tls", [&] { options.require_tls = value != 0; }},
      {"mechanisms", [&] { options.mechanisms = static_cast<Mechanisms>(value); }},
      {"auth_in_plain", [&] { options.auth_in_plain = value != 0; }},
      {"require_auth", [&] { options.require_auth = value != 0; }},
      {"max_auth_failures", [&] { options.max_auth_failures = value; }},
      {"xclient", [&] { dialogue.xclient = value; }},
      {"tls", [&] { dialogue.tls = value; }},
  };
  setters.at(name)();
}

Dialogue read_dialogue(const std::filesystem::path& path) {
  Dialogue dialogue;
  dialogue.options.hostname = "mx.example";
  dialogue.steps.emplace_back();
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const std::string mark = line.substr(0, 2);
    if (line.empty() || mark[0] == '#' || mark == "op") {
      dialogue.head.push_back(line);
      if (mark == "op") {
        const std::size_t name = line.find(' ') + 1;
        const std::size_t value = line.find(' ', name) + 1;
        set_option(dialogue, line.substr(name, value - name - 1),
                   static_cast<unsigned>(std::stoul(line.substr(value))));
      }
    } else if (mark == "S:" || mark == "A:") {
      dialogue.steps.back().expected.push_back(line);
    } else {
      const Step& last = dialogue.steps.back();
      const bool joins = !last.said.empty() && last.expected.empty() && last.event.empty();
      if (!joins || mark == "E:") dialogue.steps.emplace_back();
      Step& step = dialogue.steps.back();
      step.said.push_back(line);
      const std::string text = line.size() > 3 ? line.substr(3) : "";
      if (mark == "E:") {
        step.event = text;
      } else {
        step.octets += unescaped(text) + (mark == "C:" ? "\r\n" : "");
      }
    }
  }
  return dialogue;
}

void play(ModelCarrier& carrier, const Step& step, std::size_t chunk) {
  if (step.event == "time_out") carrier.automaton().time_out();
  if (step.event == "shut_down") carrier.automaton().shut_down();
  if (step.event == "connection_lost") carrier.automaton().connection_lost();
  if (step.octets.empty()) {
    carrier.run();
  } else {
    carrier.feed(step.octets, chunk);
  }
}

std::vector<std::string> expected_lines(const Dialogue& dialogue, char speaker) {
  std::vector<std::string> lines;
  for (const Step& step : dialogue.steps) {
    for (const std::string& line : step.expected) {
      if (line.front() == speaker) lines.push_back(line);
    }
  }
  return lines;
}

void write_golden(const std::filesystem::path& path, Dialogue& dialogue) {
  ModelCarrier carrier(dialogue.options, dialogue.xclient != 0, dialogue.tls != 0);
  std::ofstream file(path);
  for (const std::string& line : dialogue.head) file << line << '\n';
  std::size_t shown = 0;
  for (const Step& step : dialogue.steps) {
    play(carrier, step, std::string_view::npos);
    for (const std::string& line : step.said) file << line << '\n';
    for (; shown < carrier.log().size(); ++shown) file << carrier.log()[shown] << '\n';
  }
}

std::vector<std::filesystem::path> dialogue_files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(CORDON_TEST_DATA "/dialogues")) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST_CASE("each dialogue goes as its file says") {
  const auto files = dialogue_files();
  REQUIRE(files.size() >= 20);
  for (const auto& path : files) {
    CAPTURE(path.filename().string());
    Dialogue dialogue = read_dialogue(path);
    if (const char* mode = std::getenv("CORDON_GOLDEN"); mode != nullptr && mode[0] == 'w') {
      write_golden(path, dialogue);
      dialogue = read_dialogue(path);
    }
    ModelCarrier carrier(dialogue.options, dialogue.xclient != 0, dialogue.tls != 0);
    std::size_t seen = 0;
    for (const Step& step : dialogue.steps) {
      play(carrier, step, std::string_view::npos);
      CAPTURE(step.said);
      const std::vector<std::string> got(carrier.log().begin() + static_cast<long>(seen),
                                         carrier.log().end());
      CHECK(got == step.expected);
      seen = carrier.log().size();
    }
  }
}

// The order of replies among themselves, and of events among themselves, is the same however the
// client's octets arrive; only the moment at which replies are written out differs.
TEST_CASE("a dialogue goes the same octet by octet") {
  for (const auto& path : dialogue_files()) {
    CAPTURE(path.filename().string());
    const Dialogue dialogue = read_dialogue(path);
    for (const bool retaining : {false, true}) {
      for (const std::size_t chunk : {1, 2, 3, 7, 100000}) {
        CAPTURE(chunk);
        ModelCarrier carrier(dialogue.options, dialogue.xclient != 0, dialogue.tls != 0);
        carrier.retaining = retaining;
        for (const Step& step : dialogue.steps) play(carrier, step, chunk);
        CHECK(carrier.lines_of('S') == expected_lines(dialogue, 'S'));
        CHECK(carrier.lines_of('A') == expected_lines(dialogue, 'A'));
      }
    }
  }
}

}  // namespace
}  // namespace cordon::smtp::test
