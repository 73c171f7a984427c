// Group commit, faults within a group, identifiers, upkeep, and a store without space.
#include <csignal>
#include <latch>
#include <set>
#include <thread>

#include <sys/resource.h>

#include "fixture.h"

namespace cordon::store {
namespace {

// Holds the writer in an answer while `fill` submits, so that all of that is one group.
void as_one_group(Store& store, const std::function<void()>& fill) {
  struct Latches {
    std::latch reached{1};
    std::latch go_on{1};
  };
  // Shared: the writer may still be in wait() when this returns.
  const auto latches = std::make_shared<Latches>();
  store.submit({Command(SaveUptime{up(1)})}, [latches](const Answer&) {
    latches->reached.count_down();
    latches->go_on.wait();
  });
  latches->reached.wait();
  fill();
  latches->go_on.count_down();
}

TEST_CASE("batches that queue up during a sync are committed together and answered in order") {
  const TemporaryDirectory directory;
  auto store = directory.open();
  constexpr int batches = 100;
  std::vector<int> order;
  std::size_t seen_at_first_answer = 0;
  const auto all = std::make_shared<std::promise<void>>();
  as_one_group(*store, [&] {
    for (int number = 0; number < batches; ++number) {
      store->submit({Command(plain(*store, the_gateway, std::string(10'000, 'x')))},
                    [&, number, all](const Answer& answer) {
                      CHECK(answer.ok());
                      // One transaction: whoever is answered first sees the mail of all.
                      if (number == 0) seen_at_first_answer = found(*store, {}).size();
                      order.push_back(number);
                      if (number == batches - 1) all->set_value();
                    });
    }
  });
  all->get_future().wait();
  CHECK(seen_at_first_answer == batches);
  REQUIRE(order.size() == batches);
  CHECK(std::is_sorted(order.begin(), order.end()));
}

TEST_CASE("a faulty batch fails whole and alone among those of its group") {
  const TemporaryDirectory directory;
  auto store = directory.open();
  std::vector<StoreError> errors(5);
  std::vector<MessageId> ids;
  const auto all = std::make_shared<std::promise<void>>();
  as_one_group(*store, [&] {
    for (std::size_t number = 0; number < errors.size(); ++number) {
      Batch batch;
      Accept accept = plain(*store);
      ids.push_back(accept.message.id);
      batch.emplace_back(std::move(accept));
      if (number == 1) batch.emplace_back(Unclaim{MessageId{9999}});  // a contradiction
      if (number == 3) batch.emplace_back(AddOrigin{Origin{the_gateway, "twice", {}, {}, 0, {}}});
      store->submit(std::move(batch), [&, number, all](const Answer& answer) {
        errors[number] = answer.error;
        if (number == 4) all->set_value();
      });
    }
  });
  all->get_future().wait();
  using enum StoreError;
  CHECK(errors == std::vector{none, fault, none, fault, none});
  CHECK(found(*store, {}) == std::vector{ids[0], ids[2], ids[4]});
}

TEST_CASE("a closing store answers what was submitted, and refuses what comes later") {
  const TemporaryDirectory directory;
  auto store = directory.open();
  Store& open = *store;
  int written = 0;
  StoreError late = StoreError::none;
  for (int i = 0; i < 50; ++i) {
    open.submit({Command(plain(open))},
                [&](const Answer& answer) { written += answer.ok() ? 1 : 0; });
  }
  std::promise<void> closing;  // outlive the store
  std::latch reached(1);
  open.submit({Command(SaveUptime{up(5)})}, [&](const Answer&) {
    reached.count_down();
    closing.get_future().wait();
    // Whether the closing had begun or not: exactly one answer.
    open.submit({Command(SaveUptime{up(6)})}, [&](const Answer& answer) { late = answer.error; });
  });
  reached.wait();
  late = StoreError::io;
  std::thread closer([&] { store.reset(); });
  closing.set_value();
  closer.join();
  CHECK(written == 50);
  CHECK((late == StoreError::closed || late == StoreError::none));
  CHECK(directory.open()->reader()->uptime() == up(late == StoreError::none ? 6 : 5));
}

TEST_CASE("all that was answered is there after the store is opened again") {
  const TemporaryDirectory directory;
  auto store = directory.open();
  const std::string gateway = store->gateway_id();
  CHECK(gateway.size() == 32);
  const MessageId id = accept_plain(*store);
  REQUIRE(run(*store, SaveUptime{up(777)}).ok());
  store.reset();
  CHECK(std::filesystem::exists(directory.database()));
  CHECK_FALSE(std::filesystem::exists(directory.path() / "cordon.db-wal"));
  store = directory.open();
  CHECK(store->gateway_id() == gateway);
  CHECK(store->reader()->uptime() == up(777));
  CHECK(body_of(*store->reader(), id) == "body\r\n");
  const TemporaryDirectory other;
  CHECK(other.open()->gateway_id() != gateway);
}

TEST_CASE("identifiers count up from one for everyone, and never come back") {
  const TemporaryDirectory directory;
  auto store = directory.open();
  CHECK(store->next_message_id() == MessageId{1});
  CHECK(store->next_origin_id() == OriginId{2});  // 1 is the gateway's own
  CHECK(store->next_alert_id() == AlertId{1});
  CHECK(store->next_cordon_id() == CordonId{1});
  CHECK(store->next_warning_id() == WarningId{1});
  CHECK(store->next_bait_id() == BaitId{1});
  // Through many blocks, from several threads.
  std::vector<std::vector<AlertId>> taken(4);
  {
    std::vector<std::jthread> threads;
    threads.reserve(taken.size());
    for (auto& mine : taken) {
      threads.emplace_back([&] {
        for (int i = 0; i < 500; ++i) mine.push_back(store->next_alert_id());
      });
    }
  }
  std::set<AlertId> all;
  for (const auto& mine : taken) all.insert(mine.begin(), mine.end());
  CHECK(all.size() == 2000);
  CHECK(*all.rbegin() == AlertId{2001});
  store.reset();
  store = directory.open();
  CHECK(store->next_alert_id() == AlertId{2002});

  // Not even after all that had them is forgotten.
  const MessageId last = accept_plain(*store);
  deliver(*store, last);
  REQUIRE(run(*store, Prune{at(999'999), 1000}).ok());
  CHECK_FALSE(store->reader()->message(last));
  store.reset();
  CHECK(directory.open()->next_message_id() > last);
}

TEST_CASE("identifiers can be taken in the writer's own answers") {
  const TemporaryDirectory directory;
  auto store = directory.open();
  const auto last = std::make_shared<std::promise<CordonId>>();
  store->submit({Command(SaveUptime{up(1)})}, [&, last](const Answer&) {
    CordonId id{};
    for (int i = 0; i < 1000; ++i) id = store->next_cordon_id();  // more than any block
    last->set_value(id);
  });
  CHECK(last->get_future().get() == CordonId{1000});
  REQUIRE(run(*store, SaveUptime{up(2)}).ok());
  CHECK(store->next_cordon_id() == CordonId{1001});
}

TEST_CASE("what is old and settled is forgotten, within the limit") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const OriginId origin = add_origin(*store, "192.0.2.7");
  std::vector<MessageId> old;
  for (int i = 0; i < 3; ++i) {
    old.push_back(accept_plain(*store, origin));
    deliver(*store, old.back(), at(2000));
  }
  const MessageId recent = accept_plain(*store, origin);
  deliver(*store, recent, at(5000));
  const MessageId held = accept_plain(*store, origin);
  const MessageId deleted = accept_plain(*store, origin);
  REQUIRE(run(*store, DeleteMessage{deleted}, AddAudit{{0, at(1), 0, "a", "b", "c", "d"}},
              AddAudit{{0, at(5000), 0, "a", "b", "c", "d"}})
              .ok());
  using Which = MessageFilter::Which;
  REQUIRE(run(*store, Prune{at(4000), 2}).ok());
  CHECK(found(*store, {.which = Which::all}).size() == 4);
  REQUIRE(run(*store, Prune{at(4000), 1000}).ok());
  CHECK(found(*store, {.which = Which::all}) == std::vector{recent, held});
  CHECK(store->reader()->revocations(origin, at(0), "", 10).size() == 1);
  REQUIRE(store->reader()->audit(10).size() == 1);
  CHECK(store->reader()->audit(10)[0].id == 2);
}

TEST_CASE("nothing is forgotten of a cordon in force, nor of what still awaits a warning") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const OriginId origin = add_origin(*store, "192.0.2.66");
  const MessageId id = accept_plain(*store, origin);
  deliver(*store, id);
  const RaisedCordon raised = raise(*store, origin, 1);
  REQUIRE(run(*store, AddTranscript{{{raised.cordon, "s", at(1), true, "QUIT"}}}).ok());
  const auto forgotten = [&] {
    REQUIRE(run(*store, Prune{at(999'999), 1000}).ok());
    return !store->reader()->message(id);
  };
  CHECK_FALSE(forgotten());
  CHECK(store->reader()->transcript(raised.cordon, 9).size() == 1);
  SUBCASE("withdrawn: nobody is warned") {
    REQUIRE(run(*store, LiftCordon{raised.cordon, at(9), true}).ok());
    CHECK(forgotten());
    CHECK(store->reader()->transcript(raised.cordon, 9).empty());
  }
  SUBCASE("lifted, but the warnings are not all written, then not all sent") {
    REQUIRE(run(*store, LiftCordon{raised.cordon, at(9), false}).ok());
    CHECK_FALSE(forgotten());
    const WarningId warning = store->next_warning_id();
    REQUIRE(run(*store, AddWarnings{raised.cordon,
                                    {{warning,
                                      raised.alert,
                                      "r@x",
                                      true,
                                      WarningState::awaiting_approval,
                                      "",
                                      {},
                                      at(9)}},
                                    "r@x",
                                    true})
                .ok());
    CHECK_FALSE(forgotten());
    REQUIRE(run(*store, SetWarning{warning, WarningState::suppressed, "no", {}}).ok());
    CHECK(forgotten());
  }
  SUBCASE("a review of everything keeps everything") {
    REQUIRE(run(*store, LiftCordon{raised.cordon, at(9), true}).ok());
    raise(*store, everything, 2, 0, CordonKind::review);
    CHECK_FALSE(forgotten());
  }
}

TEST_CASE("a database at its limit answers full, small batches still find room, and it recovers") {
  const TemporaryDirectory directory;
  SqliteOptions options = directory.options();
  options.max_pages = 100;
  options.inline_max = max_body_piece;
  const auto store = open_sqlite_store(options);
  std::vector<MessageId> held;
  Answer answer;
  while (held.size() < 100) {
    Accept accept = plain(*store, the_gateway, std::string(30'000, 'x'));
    const MessageId id = accept.message.id;
    answer = run(*store, std::move(accept));
    if (!answer.ok()) break;
    held.push_back(id);
  }
  CHECK(answer.error == StoreError::full);
  REQUIRE_FALSE(held.empty());
  // In one group with what has no room.
  std::vector<StoreError> errors(2);
  const auto all = std::make_shared<std::promise<void>>();
  as_one_group(*store, [&] {
    store->submit({Command(plain(*store, the_gateway, std::string(60'000, 'x')))},
                  [&](const Answer& a) { errors[0] = a.error; });
    store->submit({Command(SaveUptime{up(42)})}, [&, all](const Answer& a) {
      errors[1] = a.error;
      all->set_value();
    });
  });
  all->get_future().wait();
  CHECK(errors == std::vector{StoreError::full, StoreError::none});
  CHECK(store->reader()->uptime() == up(42));
  REQUIRE(run(*store, DeleteMessage{held.back()}).ok());
  held.pop_back();
  held.push_back(accept_plain(*store));
  CHECK(found(*store, {.which = MessageFilter::Which::queue}) == held);
}

TEST_CASE("when files may grow no further the answer is full, and writing goes on when they may") {
  const TemporaryDirectory directory;
  SqliteOptions options = directory.options();
  SUBCASE("the log") { options.inline_max = max_body_piece; }
  SUBCASE("the slots") { options.inline_max = 0; }
  const auto store = open_sqlite_store(options);
  const MessageId before = accept_plain(*store);
  rlimit unlimited{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &unlimited) == 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = unlimited;
  small.rlim_cur = 200'000;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  std::vector<StoreError> errors;
  errors.reserve(10);
  for (int i = 0; i < 10; ++i) {
    errors.push_back(run(*store, plain(*store, the_gateway, std::string(60'000, 'x'))).error);
  }
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &unlimited) == 0);
  std::signal(SIGXFSZ, old_handler);
  CHECK(errors.back() == StoreError::full);
  const auto accepted = std::count(errors.begin(), errors.end(), StoreError::none);
  const MessageId after = accept_plain(*store);
  const auto all = found(*store, {});
  CHECK(all.size() == static_cast<std::size_t>(accepted) + 2);
  CHECK(all.front() == before);
  CHECK(all.back() == after);
}

TEST_CASE("the log starts over while writing goes on, so it does not grow without end") {
  const TemporaryDirectory directory;
  SqliteOptions options = directory.options();
  options.checkpoint_pages = 50;
  const auto store = open_sqlite_store(options);
  const auto log = directory.path() / "cordon.db-wal";
  std::uintmax_t written = 0;
  for (int i = 0; i < 600; ++i) {
    REQUIRE(run(*store, plain(*store, the_gateway, std::string(10'000, 'x'))).ok());
    written += 10'000;
  }
  CHECK(std::filesystem::file_size(log) < written / 4);
}

TEST_CASE("the reserve takes its space and gives it up") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const auto reserve = directory.path() / "cordon.reserve";
  CHECK(std::filesystem::file_size(reserve) == 64 * 1024);
  store->release_reserve();
  CHECK(std::filesystem::file_size(reserve) == 0);
  CHECK(store->keep_reserve());
  CHECK(std::filesystem::file_size(reserve) == 64 * 1024);
}

}  // namespace
}  // namespace cordon::store
