#include "ctl/console.h"

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <doctest/doctest.h>
#include <sys/stat.h>

#include "ctl/exit_code.h"
#include "tests/ctl/fake_asked.h"

using namespace cordon;
using namespace cordon::ctl;
using cordon::tests::FakeAsked;
using wire::Command;
namespace fs = std::filesystem;

namespace {

struct Bench {
  FakeAsked gateway;
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  bool in_is_terminal = false;
  ConsoleOptions options;

  Bench() {
    setenv("TZ", "UTC", 1);
    tzset();
  }
  Console console() { return {gateway, {in, out, err, in_is_terminal, false, false}, options}; }
};

Action deleting() {
  return {Command::queue_delete, Command::queue_list, "Delete", "deleted", "message", true, 0};
}
Action releasing() {
  return {Command::queue_release, Command::queue_list, "Release", "released", "message", true, 1};
}

wire::MessageRow message() {
  wire::MessageRow row;
  row.queue_name = "quarantine";
  row.queue_id = {17};
  row.arrival_time = 1'763'784'007;
  row.message_size = 1234;
  row.sender = "ann@a.example";
  row.recipients = {{"bob@b.example", ""}, {"cy@b.example", ""}};
  row.recipient_count = 2;
  row.origin = "desk-12";
  row.kind = "mail";
  row.subject = "Hi \x1b[2J";
  return row;
}

}  // namespace

TEST_CASE("a list of messages is this table") {
  Bench bench;
  bench.gateway.rows[Command::queue_list] = {message()};
  CHECK(bench.console().list(Command::queue_list, {}) == exit_done);
  CHECK(bench.out.str() ==
        "ID  QUEUE       ARRIVED              SIZE  ORIGIN   SENDER         RECIPIENTS        "
        "SUBJECT\n"
        "17  quarantine  2025-11-22 04:00:07  1234  desk-12  ann@a.example  bob@b.example +1  Hi "
        "?[2J\n");
}

TEST_CASE("--json prints the rows as they came") {
  Bench bench;
  bench.options.json = true;
  bench.gateway.rows[Command::queue_list] = {message()};
  CHECK(bench.console().list(Command::queue_list, {}) == exit_done);
  CHECK(bench.out.str() == encode(wire::Row(message())) + "\n");
}

TEST_CASE("showing one thing tells every field, then what belongs to it") {
  Bench bench;
  bench.gateway.rows[Command::cordon_show] = {
      wire::CordonRow{.cordon_id = {2}, .kind = "enforced", .origin = "desk-12"},
      wire::TranscriptRow{{2}, 1'763'784'007, "s1", "client", "EHLO x"},
      wire::TranscriptRow{{2}, 1'763'784'007, "s1", "server", "250 gw"}};
  CHECK(bench.console().show(Command::cordon_show, "2") == exit_done);
  const std::string text = bench.out.str();
  CHECK(text.find("       cordon id  2\n") != std::string::npos);
  CHECK(text.find("     raised time  1970-01-01 00:00:00\n") != std::string::npos);
  CHECK(text.find("\nTranscript\n"
                  "TIME                 SESSION      LINE\n"
                  "2025-11-22 04:00:07  s1       C:  EHLO x\n"
                  "2025-11-22 04:00:07  s1       S:  250 gw\n") != std::string::npos);
}

TEST_CASE("a selection that matches nothing has an exit code of its own; an empty queue has not") {
  Bench bench;
  CHECK(bench.console().list(Command::queue_list, {}) == exit_done);
  CHECK(bench.console().list(Command::queue_list, {.sender = "a@b"}) == exit_nothing);
  CHECK(bench.console().change(releasing(), {.sender = "a@b"}) == exit_nothing);
  CHECK(bench.err.str() == "There is nothing.\nNothing matches.\nNothing matches.\n");
}

TEST_CASE("a change without a selection is refused before anything is asked") {
  Bench bench;
  CHECK(bench.console().change(releasing(), {}) == exit_usage);
  CHECK(bench.gateway.asked.empty());
}

TEST_CASE("ids are acted on as given; a selection is first turned into ids") {
  Bench bench;
  bench.options.yes = true;
  CHECK(bench.console().change(deleting(), {.ids = {"18", "17", "18"}}) == exit_done);
  bench.gateway.rows[Command::queue_list] = {wire::IdRow{{5}}, wire::IdRow{{6}}};
  CHECK(bench.console().change(deleting(), {.origin = "desk-12"}) == exit_done);
  CHECK(bench.console().change(deleting(), {.ids = {"ALL"}}) == exit_done);
  CHECK(bench.gateway.asked ==
        std::vector<std::string>{R"(queue.delete {"ids":["17","18"]})",
                                 R"(queue.list {"origin":"desk-12","ids_only":true})",
                                 R"(queue.delete {"ids":["5","6"]})",
                                 R"(queue.list {"ids_only":true})",
                                 R"(queue.delete {"ids":["5","6"]})"});
  CHECK(bench.out.str() == "2 messages deleted.\n2 messages deleted.\n2 messages deleted.\n");
}

TEST_CASE("what cannot be undone is asked about, and only yes means yes") {
  for (const auto& entry : std::vector<std::pair<std::string, int>>{{"y\n", exit_done},
                                                                    {"yes\n", exit_done},
                                                                    {"n\n", exit_nothing},
                                                                    {"\n", exit_nothing},
                                                                    {"", exit_nothing}}) {
    const std::string& answer = entry.first;
    const int exit = entry.second;
    CAPTURE(answer);
    Bench bench;
    bench.in_is_terminal = true;
    bench.in.str(answer);
    CHECK(bench.console().change(deleting(), {.ids = {"17"}}) == exit);
    CHECK(bench.err.str().starts_with("Delete 1 message? This cannot be undone. [y/N] "));
    CHECK(bench.gateway.asked.size() == (exit == exit_done ? 1u : 0u));
  }
}

TEST_CASE("without a terminal and without --yes it is refused") {
  Bench bench;
  CHECK(bench.console().change(deleting(), {.ids = {"17"}}) == exit_usage);
  CHECK(bench.err.str() ==
        "cordonctl: Delete 1 message? That cannot be undone: give --yes, as standard input is no "
        "terminal\n");
  CHECK(bench.gateway.asked.empty());
}

TEST_CASE("releasing one message needs no question, releasing two does") {
  Bench bench;
  CHECK(bench.console().change(releasing(), {.ids = {"17"}}) == exit_done);
  CHECK(bench.console().change(releasing(), {.ids = {"17", "18"}}) == exit_usage);
  CHECK(bench.gateway.asked.size() == 1);
}

TEST_CASE("more ids than fit one request go in several") {
  Bench bench;
  bench.options.yes = true;
  SelectionWords words;
  for (std::size_t i = 1; i <= wire::max_ids + 1; ++i) words.ids.push_back(std::to_string(i));
  CHECK(bench.console().change(deleting(), words) == exit_done);
  CHECK(bench.gateway.asked.size() == 2);
  CHECK(bench.out.str() == "10001 messages deleted.\n");
}

TEST_CASE("what was left alone is told, and a change of nothing is no success") {
  Bench bench;
  ctl::Outcome outcome;
  outcome.end.notes = {"17: not in the queue"};
  bench.gateway.outcomes[Command::queue_release] = outcome;
  CHECK(bench.console().change(releasing(), {.ids = {"17"}}) == exit_nothing);
  CHECK(bench.err.str() == "17: not in the queue\n");
  CHECK(bench.out.str() == "0 messages released.\n");
}

TEST_CASE("every way to fail has its exit code") {
  const auto exit_for = [](wire::ErrorCode code) {
    Bench bench;
    ctl::Outcome outcome;
    outcome.error = wire::ErrorReply{1, code, "why"};
    bench.gateway.outcomes[Command::queue_list] = outcome;
    const int exit = bench.console().list(Command::queue_list, {});
    CHECK(bench.err.str() == "cordonctl: why\n");
    return exit;
  };
  CHECK(exit_for(wire::ErrorCode::not_permitted) == exit_not_permitted);
  CHECK(exit_for(wire::ErrorCode::not_found) == exit_nothing);
  CHECK(exit_for(wire::ErrorCode::failed) == exit_nothing);
  CHECK(exit_for(wire::ErrorCode::bad_argument) == exit_usage);
  CHECK(exit_for(wire::ErrorCode::busy) == exit_unreachable);
  Bench lost;
  lost.gateway.outcomes[Command::queue_list].lost = "cordond went away";
  CHECK(lost.console().list(Command::queue_list, {}) == exit_unreachable);
}

TEST_CASE("only warnings that wait are approved by a selection") {
  Bench bench;
  bench.gateway.rows[Command::warning_list] = {
      wire::WarningRow{.warning_id = {1}, .state = "queued"},
      wire::WarningRow{.warning_id = {2}, .state = "awaiting_approval"}};
  const Action action{Command::warning_approve, Command::warning_list, "Send", "approved",
                      "warning"};
  CHECK(bench.console().change(action, {.ids = {"ALL"}}) == exit_done);
  CHECK(bench.gateway.asked.back() == R"(warning.approve {"ids":["2"]})");
}

TEST_CASE("an export is a new private file with exactly the content") {
  Bench bench;
  const std::string folder = fs::temp_directory_path() / "cordon-export-test";
  fs::remove_all(folder);
  fs::create_directory(folder);
  bench.gateway.rows[Command::quarantine_export] = {
      wire::ContentRow{{3}, 0, "Received: x\r\n"},
      wire::ContentRow{{3}, 13, std::string("\0\xff", 2)}};
  CHECK(bench.console().export_content({.ids = {"3", "4"}}, "", folder) == exit_done);
  std::ifstream file(folder + "/3.eml", std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  CHECK(content.str() == std::string("Received: x\r\n\0\xff", 15));
  struct stat status {};
  REQUIRE(::stat((folder + "/4.eml").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);

  CHECK(bench.console().export_content({.ids = {"3"}}, folder + "/3.eml", "") == exit_nothing);
  CHECK(bench.err.str().ends_with("cordonctl: " + folder + "/3.eml: File exists\n"));
  fs::remove_all(folder);
}

TEST_CASE("an export that fails leaves no file behind") {
  Bench bench;
  const std::string path = fs::temp_directory_path() / "cordon-export-none.eml";
  fs::remove(path);
  bench.gateway.outcomes[Command::quarantine_export].error =
      wire::ErrorReply{1, wire::ErrorCode::not_found, "gone"};
  CHECK(bench.console().export_content({.ids = {"3"}}, path, "") == exit_nothing);
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("several messages are not run together on standard output") {
  Bench bench;
  CHECK(bench.console().export_content({.ids = {"3", "4"}}, "", "") == exit_usage);
  CHECK(bench.gateway.asked.empty());
}
