#include "proxy/control_service.h"

#include <doctest/doctest.h>

#include "proxy/control_roles.h"
#include "tests/ctl/fake_gateway.h"

using namespace cordon;
using namespace cordon::tests;
using wire::Command;
using wire::Role;

namespace {

struct Bench {
  FakeData data = sample_data();
  FakeActions actions;
  FakeReader reader{data};
  proxy::ControlService service{actions, reader, [] { return noon; }};

  // The answer as its lines.
  std::vector<wire::Reply> ask(Command command, wire::Arguments args = {}, Role role = Role::admin,
                               std::size_t gone_after = SIZE_MAX) {
    std::vector<wire::Reply> replies;
    service.serve({9, command, std::move(args)}, role, {0, "root"}, [&](const wire::Reply& reply) {
      replies.push_back(reply);
      return replies.size() < gone_after;
    });
    return replies;
  }

  std::string last(Command command, wire::Arguments args = {}, Role role = Role::admin) {
    return encode(ask(command, std::move(args), role).back());
  }

  // The rows, as JSON.
  std::vector<std::string> rows(Command command, wire::Arguments args = {}) {
    std::vector<std::string> out;
    for (const wire::Reply& reply : ask(command, std::move(args))) {
      if (const auto* row = std::get_if<wire::RowReply>(&reply)) out.push_back(encode(row->row));
    }
    return out;
  }

  std::vector<std::int64_t> ids(Command command, wire::Arguments args = {}) {
    args.ids_only = true;
    std::vector<std::int64_t> out;
    for (const wire::Reply& reply : ask(command, std::move(args))) {
      if (const auto* row = std::get_if<wire::RowReply>(&reply)) {
        out.push_back(std::get<wire::IdRow>(row->row).queue_id.value);
      }
    }
    return out;
  }
};

using Ids = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("a queue row has Postfix's names, and says why a recipient waits") {
  Bench bench;
  const auto rows = bench.rows(Command::queue_list);
  REQUIRE(rows.size() == 2);
  CHECK(rows[1] ==
        R"({"type":"message","queue_name":"deferred","queue_id":"2","arrival_time":1763796400,)"
        R"("message_size":12,"sender":"ann@a.example","recipients":[{"address":"bob@b.example",)"
        R"("delay_reason":"450 4.2.0 later"}],"recipient_count":1,"origin_id":"5",)"
        R"("origin":"desk-12","kind":"mail","subject":"","message_id":"","listener":"submission",)"
        R"("session":"s2","login":"","attempts":1})");
  CHECK(bench.last(Command::queue_list) == R"({"id":9,"end":{"rows":2,"changed":0}})");
}

TEST_CASE("a login is shown, unless it is a bait; what is sealed never is") {
  Bench bench;
  bench.data.messages[0].message.login = "eve@bait.example";
  bench.data.messages[1].message.login = "ann for boss@b.example";
  for (auto& view : bench.data.messages) view.sealed = "sealed octets";
  const auto rows = bench.rows(Command::queue_list);
  CHECK(rows[0].find(R"("login":"bait:)") != std::string::npos);
  CHECK(rows[0].find("eve") == std::string::npos);
  CHECK(rows[1].find(R"("login":"ann for boss@b.example")") != std::string::npos);
  for (const auto& row : rows) CHECK(row.find("sealed") == std::string::npos);
}

TEST_CASE("queue and quarantine are told apart, and each name says why a message waits") {
  Bench bench;
  bench.data.messages[0].message.frozen = true;
  CHECK(bench.rows(Command::queue_list)[0].find(R"("queue_name":"hold")") != std::string::npos);
  bench.data.messages[1].message.login = "ann";
  CHECK(bench.rows(Command::queue_list)[1].find(R"("queue_name":"needs-credentials")") !=
        std::string::npos);
  bench.data.messages[1].sealed = "sealed octets";
  CHECK(bench.rows(Command::queue_list)[1].find(R"("queue_name":"deferred")") != std::string::npos);
  CHECK(bench.ids(Command::queue_list) == Ids{1, 2});
  CHECK(bench.ids(Command::quarantine_list) == Ids{3});
}

TEST_CASE("selection narrows by origin, age and ids; a limit is kept") {
  Bench bench;
  wire::Arguments by_address;
  by_address.origin = "192.0.2.7";
  CHECK(bench.ids(Command::queue_list, by_address) == Ids{1, 2});
  wire::Arguments by_label;
  by_label.origin = "desk-12";
  CHECK(bench.ids(Command::queue_list, by_label) == Ids{1, 2});
  wire::Arguments by_age;
  by_age.older_than = 5400;
  CHECK(bench.ids(Command::queue_list, by_age) == Ids{1});
  wire::Arguments by_id;
  by_id.ids = {2, 3, 2};
  CHECK(bench.ids(Command::queue_list, by_id) == Ids{2});
  wire::Arguments limited;
  limited.limit = 1;
  CHECK(bench.ids(Command::queue_list, limited) == Ids{1});
  limited.limit = 0;
  CHECK(bench.ids(Command::queue_list, limited).empty());
}

TEST_CASE("an origin that is not there, or not clear, selects nothing") {
  Bench bench;
  wire::Arguments args;
  args.origin = "203.0.113.9";
  CHECK(bench.last(Command::queue_list, args) ==
        R"({"id":9,"error":{"code":"not_found","message":"there is no such origin"}})");
  store::Origin twin;
  twin.id = store::OriginId{6};
  twin.label = "desk-12";
  bench.data.origins.push_back(twin);
  args.origin = "desk-12";
  CHECK(bench.last(Command::queue_list, args) ==
        R"({"id":9,"error":{"code":"bad_argument","message":"several origins have this label, )"
        R"(such as 5 and 6; give the id"}})");
}

TEST_CASE("a long list is read in pages and comes whole, once each") {
  Bench bench;
  bench.data.messages.resize(1);
  for (int i = 2; i <= 1001; ++i) {
    bench.data.messages.push_back(bench.data.messages[0]);
    bench.data.messages.back().message.id = store::MessageId{i};
  }
  const Ids all = bench.ids(Command::queue_list);
  CHECK(all.size() == 1001);
  CHECK(std::is_sorted(all.begin(), all.end()));
  CHECK(bench.reader.largest_page <= 200);
  wire::Arguments named;
  for (int i = 1000; i >= 1; --i) named.ids.push_back(i);
  CHECK(bench.ids(Command::queue_list, named).size() == 1000);
}

TEST_CASE("a client that has gone is not read for any further") {
  Bench bench;
  CHECK(bench.ask(Command::queue_list, {}, Role::admin, 1).size() == 1);
}

TEST_CASE("baits stand as ids in every row unless an admin asks for them") {
  Bench bench;
  bench.data.transcript = {
      {store::CordonId{1}, "s3", noon, true, "RCPT TO:<eve@bait.example>"},
      {store::CordonId{1}, "s3", noon, true, "RCPT TO:<@r:eve@bait.example> X=1"}};
  bench.data.cordons.push_back({.id = store::CordonId{1}, .origin = store::OriginId{5}});
  bench.data.baits.push_back(
      {{baits::BaitId{7}, baits::BaitKind::address, "eve@bait.example", ""}, noon, {}, "", 3});
  bench.data.warnings.push_back({.id = store::WarningId{1}, .recipient = "eve@bait.example"});
  bench.data.revocations.push_back({.origin = store::OriginId{5}, .recipient = "eve@bait.example"});
  bench.data.messages[2].message.envelope.sender.mailbox = {"eve", "bait.example"};
  wire::Arguments three;
  three.ids = {3};
  wire::Arguments one;
  one.ids = {1};
  const std::pair<Command, wire::Arguments> all[] = {
      {Command::quarantine_list, {}}, {Command::quarantine_show, three},
      {Command::cordon_show, one},    {Command::bait_list, {}},
      {Command::warning_list, {}},    {Command::revocation_list, {}}};
  for (const auto& [command, args] : all) {
    std::string text;
    for (const auto& row : bench.rows(command, args)) text += row;
    CAPTURE(text);
    CHECK(text.find("bait:7") != std::string::npos);
    CHECK(text.find("eve") == std::string::npos);

    wire::Arguments showing = args;
    showing.show_baits = true;
    text.clear();
    for (const auto& row : bench.rows(command, showing)) text += row;
    CHECK(text.find("eve@bait.example") != std::string::npos);
    CHECK(bench.last(command, showing, Role::review) ==
          R"({"id":9,"error":{"code":"not_permitted","message":"show_baits needs the role admin; )"
          R"(yours is review"}})");
  }
}

TEST_CASE("every command is refused below its role, and nothing happens") {
  Bench bench;
  wire::Arguments args;
  args.ids = {1};
  args.origin = "5";
  args.baits = {{wire::BaitKind::address, "x@y", ""}};
  for (const wire::CommandFacts& command : wire::commands()) {
    CAPTURE(command.name);
    const auto below = static_cast<Role>(static_cast<int>(command.role) - 1);
    const auto replies = bench.ask(command.command, args, below);
    REQUIRE(replies.size() == 1);
    const auto* error = std::get_if<wire::ErrorReply>(&replies[0]);
    REQUIRE(error != nullptr);
    CHECK(error->code == wire::ErrorCode::not_permitted);
  }
  CHECK(bench.actions.calls.empty());
}

TEST_CASE("actions reach only what is where the command says") {
  Bench bench;
  wire::Arguments args;
  args.ids = {1, 2, 3, 99};
  CHECK(bench.last(Command::queue_release, args, Role::review) ==
        R"({"id":9,"end":{"rows":0,"changed":2,"notes":["3: not in the queue",)"
        R"("99: not in the queue"]}})");
  CHECK(bench.last(Command::quarantine_delete, args, Role::review) ==
        R"({"id":9,"end":{"rows":0,"changed":1,"notes":["1: not in quarantine",)"
        R"("2: not in quarantine","99: not in quarantine"]}})");
  CHECK(bench.actions.calls == std::vector<std::string>{"release 1 2 by root", "delete 3 by root"});
}

TEST_CASE("an action without ids is refused, never applied to everything") {
  Bench bench;
  for (const Command command :
       {Command::queue_delete, Command::quarantine_release, Command::cordon_lift,
        Command::bait_remove, Command::warning_approve}) {
    CHECK(bench.last(command) ==
          R"({"id":9,"error":{"code":"bad_argument","message":"ids: none given"}})");
  }
  CHECK(bench.actions.calls.empty());
}

TEST_CASE("cordons, baits and warnings are changed as told") {
  Bench bench;
  wire::Arguments cordon;
  cordon.origin = "192.0.2.7";
  cordon.reason = "looks odd";
  bench.ask(Command::cordon_add, cordon);
  wire::Arguments lift;
  lift.ids = {4, 5};
  bench.ask(Command::cordon_lift, lift);
  lift.withdraw = true;
  lift.ids = {6};
  bench.ask(Command::cordon_lift, lift);
  wire::Arguments add;
  add.baits = {{wire::BaitKind::local_part, "zq81", ""}, {wire::BaitKind::domain, "d.example", ""}};
  bench.ask(Command::bait_add, add);
  add.force = true;
  bench.ask(Command::bait_add, add);
  wire::Arguments remove;
  remove.ids = {7};
  remove.reason = "moved";
  bench.ask(Command::bait_remove, remove);
  wire::Arguments approve;
  approve.ids = {8};
  bench.ask(Command::warning_approve, approve);
  CHECK(bench.actions.calls ==
        std::vector<std::string>{
            "cordon 5 for looks odd by root", "lift 4 by root", "lift 5 by root",
            "withdraw 6 by root", "add 2:zq81 1:d.example by root",
            "force 2:zq81 1:d.example by root", "retire 7 for moved by root", "approve 8 by root"});
}

TEST_CASE("an action that fails says so") {
  Bench bench;
  bench.actions.error = "the disk is full";
  wire::Arguments args;
  args.ids = {1};
  CHECK(bench.last(Command::queue_hold, args) ==
        R"({"id":9,"error":{"code":"failed","message":"the disk is full"}})");
}

TEST_CASE("a refusal tells each reason, up to a bound") {
  Bench bench;
  bench.actions.error = "refused; nothing was added";
  bench.actions.notes = {"com: a public suffix", "a.example: your own domain"};
  wire::Arguments args;
  args.baits = {{wire::BaitKind::domain, "com", ""}};
  CHECK(bench.last(Command::bait_add, args) ==
        R"({"id":9,"error":{"code":"failed","message":"refused; nothing was added; )"
        R"(com: a public suffix; a.example: your own domain"}})");
  bench.actions.notes.assign(25, "x");
  CHECK(bench.last(Command::bait_add, args).ends_with("x; and 5 more\"}}"));
}

TEST_CASE("content is the Received field and then the body, octet for octet") {
  Bench bench;
  bench.data.body = std::string(100'000, 'x') + std::string("\0\xff\r\n", 4);
  bench.data.messages[2].message.octets = bench.data.body.size();
  wire::Arguments args;
  args.ids = {3};
  std::string content;
  for (const wire::Reply& reply : bench.ask(Command::quarantine_export, args, Role::review)) {
    if (const auto* row = std::get_if<wire::RowReply>(&reply)) {
      const auto& piece = std::get<wire::ContentRow>(row->row);
      CHECK(piece.offset == content.size());
      content += piece.octets;
    }
  }
  CHECK(content == "Received: x\r\n" + bench.data.body);
}

TEST_CASE("content that is gone, or ends early, is an error and not an empty message") {
  Bench bench;
  wire::Arguments args;
  args.ids = {1};
  bench.data.messages[0].message.octets = 13;
  CHECK(bench.last(Command::queue_content, args) ==
        R"({"id":9,"error":{"code":"failed","message":"the content ended early: it has just been )"
        R"(settled"}})");
  bench.data.messages[0].message.state = store::MessageState::committed;
  CHECK(bench.last(Command::queue_content, args) ==
        R"({"id":9,"error":{"code":"not_found","message":"the content of message 1 is no longer )"
        R"(kept: it is settled"}})");
  args.ids = {77};
  CHECK(bench.last(Command::queue_content, args) ==
        R"({"id":9,"error":{"code":"not_found","message":"there is no message 77"}})");
}

TEST_CASE("showing a message tells its history, in order, and of no other message") {
  Bench bench;
  bench.data.audit = {{2, noon + 2s, 0, "root", "release", "11,1", ""},
                      {1, noon + 1s, 0, "ann", "queue hold", "1,2", "for now"},
                      {3, noon, 0, "ann", "hold", "11,21", ""},
                      {4, noon, 0, "ann", "bait remove", "1", ""}};
  wire::Arguments args;
  args.ids = {1};
  std::vector<std::string> history;
  for (const wire::Reply& reply : bench.ask(Command::queue_show, args)) {
    if (const auto* row = std::get_if<wire::RowReply>(&reply)) {
      if (const auto* entry = std::get_if<wire::HistoryRow>(&row->row)) {
        history.push_back(entry->who + " " + entry->text);
      }
    }
  }
  CHECK(history == std::vector<std::string>{"cordond accepted by submission in session s1",
                                            "ann queue hold: for now", "root release"});
}

TEST_CASE("revocation records come page by page, filtered, each once") {
  Bench bench;
  for (const char* recipient : {"a@x.example", "b@x.example", "c@Y.example", "d@x.example"}) {
    bench.data.revocations.push_back({.message = store::MessageId{1},
                                      .origin = store::OriginId{5},
                                      .accepted_at = noon,
                                      .sender = "ann@a.example",
                                      .recipient = recipient});
  }
  CHECK(bench.rows(Command::revocation_list).size() == 4);
  wire::Arguments args;
  args.recipient = "@y.example";
  CHECK(bench.rows(Command::revocation_list, args).size() == 1);
  args.recipient = "B@X.example";
  CHECK(bench.rows(Command::revocation_list, args).size() == 1);
  args.recipient.clear();
  args.limit = 3;
  CHECK(bench.rows(Command::revocation_list, args).size() == 3);
  wire::Arguments old;
  old.older_than = 60;
  CHECK(bench.rows(Command::revocation_list, old).empty());
}

TEST_CASE("testing an address tells the bait's id, and nothing if it is none") {
  Bench bench;
  wire::Arguments args;
  args.address = "eve@bait.example";
  CHECK(bench.rows(Command::bait_test, args) ==
        std::vector<std::string>{R"({"type":"hit","bait_id":"7","kind":"address"})"});
  args.address = "bob@b.example";
  CHECK(bench.rows(Command::bait_test, args).empty());
}

TEST_CASE("the highest role of a caller's groups counts; root and our own user may do all") {
  const proxy::RoleGroups groups{{10}, {20}, {30}};
  const auto role = [&](uid_t uid, std::set<gid_t> in) {
    return proxy::role_of({uid, "u", std::move(in)}, 500, groups);
  };
  CHECK(role(1000, {}) == Role::none);
  CHECK(role(1000, {11}) == Role::none);
  CHECK(role(1000, {10}) == Role::view);
  CHECK(role(1000, {10, 20}) == Role::review);
  CHECK(role(1000, {30, 20}) == Role::admin);
  CHECK(role(0, {}) == Role::admin);
  CHECK(role(500, {}) == Role::admin);
  CHECK(role(static_cast<uid_t>(-1), {30}) == Role::none);
}

TEST_CASE("a group that does not exist has no members") {
  proxy::Settings::Control control;
  control.view_groups = {"root", "no-such-group-here", "4711"};
  CHECK(proxy::role_groups(control).view == std::set<gid_t>{0, 4711});
}
