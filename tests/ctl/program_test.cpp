#include "ctl/program.h"

#include <sstream>

#include <doctest/doctest.h>

#include "ctl/exit_code.h"
#include "tests/ctl/fake_asked.h"

using namespace cordon;
using namespace cordon::ctl;
using cordon::tests::FakeAsked;

namespace {

// Hands a shared fake out, as a connection of its own.
class Line : public Asked {
 public:
  explicit Line(FakeAsked& gateway) : gateway_(gateway) {}
  Outcome ask(wire::Request request, const RowHandler& each) override {
    return gateway_.ask(std::move(request), each);
  }

 private:
  FakeAsked& gateway_;
};

struct Bench {
  FakeAsked gateway;
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  std::string socket;

  int run(const std::vector<std::string>& words) {
    return ctl::run(words, {in, out, err, false, false, false},
                    [&](const std::string& path, Outcome&) {
                      socket = path;
                      return std::make_unique<Line>(gateway);
                    });
  }
  std::string asked_by(const std::vector<std::string>& words) {
    gateway.asked.clear();
    run(words);
    CAPTURE(err.str());
    return gateway.asked.empty() ? "nothing" : gateway.asked.back();
  }
};

}  // namespace

TEST_CASE("each command line asks for what it says") {
  Bench b;
  CHECK(b.asked_by({"status"}) == "status");
  CHECK(b.asked_by({"queue", "list", "--older-than", "2h", "--sender", "@a.example"}) ==
        R"(queue.list {"sender":"@a.example","older_than":7200})");
  CHECK(b.asked_by({"queue", "list", "--origin", "192.0.2.7", "--limit", "5", "--show-baits"}) ==
        R"(queue.list {"origin":"192.0.2.7","limit":5,"show_baits":true})");
  CHECK(b.asked_by({"queue", "show", "17"}) == R"(queue.show {"ids":["17"]})");
  CHECK(b.asked_by({"queue", "show", "17", "--body"}) == R"(queue.content {"ids":["17"]})");
  CHECK(b.asked_by({"queue", "show", "17", "--parts"}) == R"(queue.content {"ids":["17"]})");
  CHECK(b.asked_by({"quarantine", "show", "3", "--parts"}) == R"(quarantine.export {"ids":["3"]})");
  CHECK(b.asked_by({"queue", "hold", "17", "18"}) == R"(queue.hold {"ids":["17","18"]})");
  CHECK(b.asked_by({"--yes", "queue", "delete", "17"}) == R"(queue.delete {"ids":["17"]})");
  CHECK(b.asked_by({"queue", "delete", "17", "-y"}) == R"(queue.delete {"ids":["17"]})");
  CHECK(b.asked_by({"quarantine", "list", "--alert", "4", "--younger-than", "1d"}) ==
        R"(quarantine.list {"alert":"4","younger_than":86400})");
  CHECK(b.asked_by({"quarantine", "release", "3"}) == R"(quarantine.release {"ids":["3"]})");
  CHECK(b.asked_by({"quarantine", "export", "3"}) == R"(quarantine.export {"ids":["3"]})");
  CHECK(b.asked_by({"alert", "list"}) == "alert.list");
  CHECK(b.asked_by({"alert", "show", "4"}) == R"(alert.show {"ids":["4"]})");
  CHECK(b.asked_by({"cordon", "list", "--lifted"}) == R"(cordon.list {"ended":true})");
  CHECK(b.asked_by({"cordon", "add", "192.0.2.7", "--reason", "odd"}) ==
        R"(cordon.add {"origin":"192.0.2.7","reason":"odd"})");
  CHECK(b.asked_by({"cordon", "lift", "2"}) == R"(cordon.lift {"ids":["2"]})");
  CHECK(b.asked_by({"cordon", "lift", "2", "--withdraw"}) == "nothing");
  CHECK(b.asked_by({"cordon", "lift", "2", "--withdraw", "--yes"}) ==
        R"(cordon.lift {"ids":["2"],"withdraw":true})");
  CHECK(b.asked_by({"bait", "add", "eve@a.example", "local:zq81", "--label", "l", "--force"}) ==
        R"(bait.add {"force":true,"baits":[{"kind":"address","value":"eve@a.example","label":"l"},)"
        R"({"kind":"local","value":"zq81","label":"l"}]})");
  CHECK(b.asked_by({"bait", "list", "--retired"}) == R"(bait.list {"ended":true})");
  CHECK(b.asked_by({"bait", "remove", "7", "--reason", "moved"}) ==
        R"(bait.remove {"ids":["7"],"reason":"moved"})");
  CHECK(b.asked_by({"bait", "test", "x@y.example"}) == R"(bait.test {"address":"x@y.example"})");
  CHECK(b.asked_by({"revocation", "list", "--recipient", "@b.example"}) ==
        R"(revocation.list {"recipient":"@b.example"})");
  CHECK(b.asked_by({"warning", "list", "--alert", "4"}) == R"(warning.list {"alert":"4"})");
  CHECK(b.asked_by({"warning", "approve", "9"}) == R"(warning.approve {"ids":["9"]})");
  CHECK(b.asked_by({"audit", "--limit", "20"}) == R"(audit {"limit":20})");
}

TEST_CASE("ids come from standard input by a dash") {
  Bench b;
  b.in.str("17\n18\n");
  CHECK(b.run({"queue", "release", "--yes", "-"}) == exit_done);
  CHECK(b.gateway.asked.back() == R"(queue.release {"ids":["17","18"]})");
}

TEST_CASE("every command explains itself, and that is no error") {
  const std::vector<std::vector<std::string>> all = {{"--help"},
                                                     {"queue", "--help"},
                                                     {"queue", "release", "--help"},
                                                     {"bait", "add", "-h"},
                                                     {"quarantine", "export", "--help"},
                                                     {"cordon", "lift", "--help"}};
  for (const auto& words : all) {
    Bench b;
    CHECK(b.run(words) == exit_done);
    CHECK(b.out.str().size() > 100);
    CHECK(b.gateway.asked.empty());
  }
  Bench b;
  b.run({"--help"});
  CHECK(b.out.str().find("Exit codes: 0 done;") != std::string::npos);
}

TEST_CASE("wrong usage is exit code 2, and nothing is asked") {
  const std::vector<std::vector<std::string>> all = {
      {},
      {"nonsense"},
      {"queue"},
      {"queue", "list", "--colour"},
      {"queue", "list", "--limit", "-1"},
      {"queue", "list", "all"},
      {"queue", "show"},
      {"queue", "show", "x"},
      {"queue", "show", "17", "--body", "--parts"},
      {"queue", "delete"},
      {"queue", "delete", "17"},
      {"quarantine", "hold", "3"},
      {"quarantine", "export", "3", "-o", "a", "-d", "b"},
      {"cordon", "add"},
      {"bait", "add", "zq81"},
      {"bait", "test"}};
  for (const auto& words : all) {
    CAPTURE(words.empty() ? "" : words.back());
    Bench b;
    CHECK(b.run(words) == exit_usage);
    CHECK_FALSE(b.err.str().empty());
    CHECK(b.gateway.asked.empty());
  }
}

TEST_CASE("the socket is the option's, else the environment's, else the usual one") {
  Bench b;
  unsetenv("CORDON_SOCKET");
  b.run({"status"});
  CHECK(b.socket == "/run/cordon/control.sock");
  setenv("CORDON_SOCKET", "/tmp/env", 1);
  b.run({"status"});
  CHECK(b.socket == "/tmp/env");
  b.run({"status", "--socket", "/tmp/option"});
  CHECK(b.socket == "/tmp/option");
  unsetenv("CORDON_SOCKET");
}

TEST_CASE("a gateway that cannot be reached, or shuts us out, has its exit code") {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  const auto run_with = [&](const Outcome& trouble) {
    return ctl::run({"status", "--socket", "/s"}, {in, out, err, false, false, false},
                    [&](const std::string&, Outcome& told) -> std::unique_ptr<Asked> {
                      told = trouble;
                      return nullptr;
                    });
  };
  Outcome lost;
  lost.lost = "no cordond listens there";
  CHECK(run_with(lost) == exit_unreachable);
  CHECK(err.str() == "cordonctl: /s: no cordond listens there\n");
  Outcome refused;
  refused.error = wire::ErrorReply{0, wire::ErrorCode::not_permitted, "no"};
  CHECK(run_with(refused) == exit_not_permitted);
  Outcome busy;
  busy.error = wire::ErrorReply{0, wire::ErrorCode::busy, "too many clients at once"};
  CHECK(run_with(busy) == exit_unreachable);
}
