// Content of messages, inline and in slots: what goes in comes out, whoever else comes and goes.
#include <csignal>
#include <latch>
#include <random>
#include <thread>

#include <sys/resource.h>

#include "fixture.h"

namespace cordon::store {
namespace {

constexpr std::size_t piece = max_body_piece;

std::uintmax_t slots_in(const TemporaryDirectory& directory) {
  return std::filesystem::file_size(directory.path() / "cordon.slots") / piece;
}

TEST_CASE("content goes in and comes out, of any length, at any offset and with any buffer") {
  const TemporaryDirectory directory;
  SqliteOptions options = directory.options();
  SUBCASE("short ends inline") { options.inline_max = 1000; }
  SUBCASE("nothing inline") { options.inline_max = 0; }
  SUBCASE("a whole piece inline") { options.inline_max = piece; }
  auto store = open_sqlite_store(options);
  std::map<MessageId, std::string> held;
  for (const std::size_t octets :
       {std::size_t{0}, std::size_t{1}, std::size_t{1000}, std::size_t{1001}, std::size_t{4096},
        piece - 1, piece, piece + 1, 2 * piece, 2 * piece + 1017}) {
    const std::string content = text_of_octets(octets, octets);
    held[accept_content(*store, content)] = content;
  }
  const auto check_all = [&] {
    const auto reader = store->reader();
    for (const auto& entry : held) {
      CAPTURE(entry.second.size());
      for (const std::size_t buffer : {1'000'000UL, 65'536UL, 40'001UL}) {
        CHECK(body_of(*reader, entry.first, buffer) == entry.second);
      }
    }
  };
  check_all();
  store.reset();
  store = open_sqlite_store(options);
  check_all();
}

TEST_CASE("a window of the content is read where it is asked for") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const std::string content = text_of_octets(2 * piece + 1017);
  const MessageId id = accept_content(*store, content);
  const auto reader = store->reader();
  std::string window(10, '\0');
  CHECK(reader->body(id, piece - 5, window) == 10);
  CHECK(window == content.substr(piece - 5, 10));
  CHECK(reader->body(id, 3, window) == 10);  // back again
  CHECK(window == content.substr(3, 10));
  CHECK(reader->body(id, content.size() - 4, window) == 4);
  CHECK(reader->body(id, content.size(), window) == 0);
  CHECK(reader->body(id, content.size() + 100, window) == 0);
  CHECK(reader->body(id, UINT64_MAX - 5, window) == 0);
  CHECK(reader->body(MessageId{999}, 0, window) == 0);
}

TEST_CASE("content out of order, of a wrong length, or for an impossible message is a fault") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const std::string whole(piece, 'x');
  Accept accept = plain(*store);
  const MessageId id = accept.message.id;
  CHECK(run(*store, AppendBody{id, 1, whole}).error == StoreError::fault);
  CHECK(run(*store, AppendBody{id, 0, whole + "x"}).error == StoreError::fault);
  CHECK(run(*store, AppendBody{id, 0, "short"}).error == StoreError::fault);
  CHECK(run(*store, AppendBody{MessageId{0}, 0, whole}).error == StoreError::fault);
  REQUIRE(run(*store, AppendBody{id, 0, whole}).ok());
  CHECK(run(*store, AppendBody{id, 0, whole}).error == StoreError::fault);
  // A batch that fails takes back what it appended, and only that.
  CHECK(run(*store, AppendBody{id, 1, whole}, AppendBody{id, 3, whole}).error == StoreError::fault);
  REQUIRE(run(*store, AppendBody{id, 1, whole}).ok());
  Accept early = accept;
  early.piece = 3;
  CHECK(run(*store, early).error == StoreError::fault);
  // A failed Accept has dropped the content.
  accept.piece = 2;
  CHECK(run(*store, accept).error == StoreError::fault);
  REQUIRE(run(*store, AppendBody{id, 0, whole}).ok());
  accept.piece = 1;
  accept.bytes = std::string(piece + 1, 'x');
  CHECK(run(*store, accept).error == StoreError::fault);
  CHECK(found(*store, {.which = MessageFilter::Which::all}).empty());
}

TEST_CASE("nobody reads content before its message is accepted") {
  const TemporaryDirectory directory;
  auto store = directory.open();
  const MessageId orphan = store->next_message_id();
  REQUIRE(run(*store, AppendBody{orphan, 0, std::string(piece, 'o')}).ok());
  CHECK(body_of(*store->reader(), orphan).empty());
  store.reset();
  store = directory.open();
  CHECK(body_of(*store->reader(), orphan).empty());
}

TEST_CASE("content that comes to nothing leaves its slots to the next") {
  const TemporaryDirectory directory;
  auto store = directory.open();
  const std::string whole(piece, 'x');
  REQUIRE(run(*store, AppendBody{store->next_message_id(), 0, whole}).ok());
  const auto slots = slots_in(directory);  // one growth of the file
  for (std::uintmax_t i = 0; i < slots; ++i) {
    Accept accept = plain(*store, OriginId{77});  // no such origin
    accept.piece = 2;
    const MessageId id = accept.message.id;
    REQUIRE(run(*store, AppendBody{id, 0, whole}, AppendBody{id, 1, whole}).ok());
    switch (i % 4) {
      case 0:
        REQUIRE(run(*store, DropBody{id}).ok());
        break;
      case 1:
        CHECK(run(*store, accept).error == StoreError::fault);
        REQUIRE(run(*store, SaveUptime{up(1)}).ok());  // gives back what was in doubt
        break;
      case 2:
        accept.piece = 7;
        CHECK(run(*store, accept).error == StoreError::fault);
        break;
      default:
        store.reset();  // as a crash does
        store = directory.open();
    }
  }
  CHECK(slots_in(directory) == slots);
  // A late DropBody does not take the content of what was accepted.
  const MessageId kept = accept_content(*store, text_of_octets(piece + 5));
  REQUIRE(run(*store, DropBody{kept}).ok());
  CHECK(body_of(*store->reader(), kept) == text_of_octets(piece + 5));
}

TEST_CASE("several messages with content and other commands go in one batch, whole or not at all") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const auto batch_of_two = [&](OriginId origin, std::vector<MessageId>& ids) {
    Batch all{TouchOrigin{the_gateway, at(9999)}};
    ids.resize(2);
    for (MessageId& id : ids) {
      for (Batch& batch : batches_of(*store, text_of_octets(3 * piece + 9, 5), id)) {
        for (Command& command : batch) all.push_back(std::move(command));
      }
    }
    std::get<Accept>(all.back()).message.origin = origin;
    return all;
  };
  std::vector<MessageId> ids;
  CHECK(submit_and_wait(*store, batch_of_two(OriginId{77}, ids)).error == StoreError::fault);
  CHECK(store->reader()->origin(the_gateway)->last_seen == at(0));
  CHECK(found(*store, {}).empty());
  REQUIRE(submit_and_wait(*store, batch_of_two(the_gateway, ids)).ok());
  CHECK(store->reader()->origin(the_gateway)->last_seen == at(9999));
  for (const MessageId id : ids) {
    CHECK(body_of(*store->reader(), id) == text_of_octets(3 * piece + 9, 5));
  }
}

TEST_CASE("slots are used again, and no message ever shows the bytes of another") {
  const TemporaryDirectory directory;
  SqliteOptions options = directory.options();
  options.inline_max = 500;
  auto store = open_sqlite_store(options);
  std::mt19937 random(20);
  std::map<MessageId, std::string> held;
  std::uintmax_t stored = 0;
  for (int step = 0; step < 600; ++step) {
    if (held.size() < 20 || random() % 2 == 0) {
      const std::string content = text_of_octets(random() % (5 * piece), random());
      stored += content.size();
      held[accept_content(*store, content)] = content;
    } else {
      const auto gone =
          std::next(held.begin(), static_cast<std::ptrdiff_t>(random() % held.size()));
      if (random() % 2 == 0) {
        REQUIRE(run(*store, DeleteMessage{gone->first}).ok());
      } else {
        deliver(*store, gone->first);
      }
      CHECK(body_of(*store->reader(), gone->first).empty());
      held.erase(gone);
    }
    if (held.size() > 30) held.erase(held.begin());  // goes on lying there
    if (step % 100 == 99) {
      store.reset();
      store = open_sqlite_store(options);
    }
    if (step % 20 == 19) {
      const auto reader = store->reader();
      for (const auto& [id, content] : held) REQUIRE(body_of(*reader, id) == content);
    }
  }
  CHECK(slots_in(directory) * piece < stored);
}

TEST_CASE("who reads while messages are deleted gets the right bytes or none") {
  const TemporaryDirectory directory;
  SqliteOptions options = directory.options();
  options.inline_max = 0;
  const auto store = open_sqlite_store(options);
  constexpr std::size_t octets = 2 * piece + 77;
  const auto content_of = [](MessageId id) {
    return text_of_octets(octets, static_cast<std::size_t>(id));
  };
  std::atomic<std::int64_t> newest{0};
  std::atomic<bool> over{false};
  std::size_t whole = 0;
  std::size_t gone = 0;
  std::size_t wrong = 0;
  std::thread reading([&] {
    const auto reader = store->reader();
    for (bool last = false; !last;) {
      last = over;  // then the newest is deleted
      const MessageId id{newest.load()};
      const std::string got = body_of(*reader, id, piece);
      wrong += content_of(id).substr(0, got.size()) == got ? 0 : 1;
      (got.size() == octets ? whole : gone) += 1;
    }
  });
  // The same few slots are written over and over.
  for (int i = 0; i < 400; ++i) {
    Accept accept = plain(*store);
    const MessageId id = accept.message.id;
    const std::string content = content_of(id);
    accept.piece = 2;
    accept.bytes = content.substr(2 * piece);
    REQUIRE(run(*store, AppendBody{id, 0, content.substr(0, piece)},
                AppendBody{id, 1, content.substr(piece, piece)}, std::move(accept))
                .ok());
    newest = static_cast<std::int64_t>(id);
    REQUIRE(run(*store, DeleteMessage{id}).ok());
  }
  over = true;
  reading.join();
  CHECK(wrong == 0);
  CHECK(gone > 0);
  CHECK(slots_in(directory) == 256);
}

// ---- crashes: what a store that died at that moment would find

struct Crashed {
  explicit Crashed(const TemporaryDirectory& running) {
    for (const char* name : {"cordon.db", "cordon.db-wal", "cordon.slots"}) {
      std::filesystem::copy_file(running.path() / name, directory.path() / name);
    }
  }
  TemporaryDirectory directory;
};

TEST_CASE("after a crash at any step an accepted message is whole, any other is not there") {
  const TemporaryDirectory directory;
  SqliteOptions options = directory.options();
  options.inline_max = 1000;
  const auto store = open_sqlite_store(options);
  const std::string first = text_of_octets(3 * piece + 2000, 1);
  const std::string second = text_of_octets(2 * piece + 10, 2);
  const auto left_by_crash = [&] {
    const Crashed crashed(directory);
    const auto left = crashed.directory.open();
    std::vector<std::string> contents;
    for (const MessageId id : found(*left, {.which = MessageFilter::Which::all})) {
      contents.push_back(body_of(*left->reader(), id));
    }
    // What is free there may be used: also then nothing is shared.
    const std::string more = text_of_octets(4 * piece, 9);
    const MessageId id = accept_content(*left, more);
    CHECK(body_of(*left->reader(), id) == more);
    std::size_t place = 0;
    for (const MessageId old : found(*left, {.which = MessageFilter::Which::all})) {
      if (old != id) CHECK(body_of(*left->reader(), old) == contents[place++]);
    }
    return contents;
  };
  using Contents = std::vector<std::string>;
  MessageId one{};
  MessageId two{};
  std::vector<Batch> steps = batches_of(*store, first, one);
  for (std::size_t step = 0; step + 1 < steps.size(); ++step) {
    REQUIRE(submit_and_wait(*store, std::move(steps[step])).ok());
    CHECK(left_by_crash().empty());
  }
  REQUIRE(submit_and_wait(*store, std::move(steps.back())).ok());
  CHECK(left_by_crash() == Contents{first});
  for (Batch& batch : batches_of(*store, second, two)) {
    REQUIRE(submit_and_wait(*store, std::move(batch)).ok());
  }
  CHECK(left_by_crash() == Contents{first, second});
  REQUIRE(run(*store, DeleteMessage{one}).ok());
  CHECK(left_by_crash() == Contents{"", second});
  // In the slots of the first.
  MessageId three{};
  steps = batches_of(*store, first, three);
  REQUIRE(submit_and_wait(*store, std::move(steps.front())).ok());
  CHECK(left_by_crash() == Contents{"", second});
}

// ---- fairness, and no room

// Holds the content writer in an answer while `fill` submits.
void while_content_waits(Store& store, const std::function<void()>& fill) {
  struct Latches {
    std::latch reached{1};
    std::latch go_on{1};
  };
  const auto latches = std::make_shared<Latches>();
  store.submit({Command(DropBody{MessageId{1}})}, [latches](const Answer&) {
    latches->reached.count_down();
    latches->go_on.wait();
  });
  latches->reached.wait();
  fill();
  latches->go_on.count_down();
}

TEST_CASE("a flood of pieces of one message does not hold up another's acceptance") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  constexpr int flood = 400;
  constexpr int some = 100;  // of the flood: more than one turn
  const MessageId flooding = store->next_message_id();
  bool accepted_in_time = false;
  std::promise<void> accepted;
  const auto all = std::make_shared<std::promise<void>>();
  while_content_waits(*store, [&] {
    for (int number = 0; number < flood; ++number) {
      store->submit({Command(AppendBody{flooding, static_cast<std::uint32_t>(number),
                                        std::string(piece, 'f')})},
                    [&, number, all](const Answer& answer) {
                      CHECK(answer.ok());
                      // The content writer stands still until the other message is accepted.
                      if (number == some) {
                        accepted_in_time =
                            accepted.get_future().wait_for(std::chrono::minutes(2)) ==
                            std::future_status::ready;
                      }
                      if (number == flood - 1) all->set_value();
                    });
    }
    store->submit({Command(plain(*store, the_gateway, std::string(piece, 'a')))},
                  [&](const Answer& answer) {
                    CHECK(answer.ok());
                    accepted.set_value();
                  });
  });
  all->get_future().wait();
  CHECK(accepted_in_time);
}

TEST_CASE("small mail goes on while large content waits") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  while_content_waits(*store, [&] {
    accept_plain(*store);  // waits for its answer
  });
  CHECK(found(*store, {}).size() == 1);
}

TEST_CASE("without room for slots large content is refused, small mail is not, and it recovers") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const std::string large = text_of_octets(3 * piece);
  const MessageId before = accept_content(*store, large);
  rlimit unlimited{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &unlimited) == 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = unlimited;
  small.rlim_cur = 20 * piece * 16;  // more than the file has, less than two growths
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &small) == 0);
  const MessageId lost = store->next_message_id();
  Answer answer;
  std::uint32_t pieces = 0;
  while ((answer = run(*store, AppendBody{lost, pieces, std::string(piece, 'x')})).ok()) ++pieces;
  CHECK(answer.error == StoreError::full);
  CHECK(pieces > 256);  // it grew by what there was
  const Answer large_answer = run(*store, plain(*store, the_gateway, std::string(piece, 'y')));
  const MessageId small_mail = accept_plain(*store);
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &unlimited) == 0);
  std::signal(SIGXFSZ, old_handler);
  CHECK(large_answer.error == StoreError::full);
  // Space that is given up serves the next at once.
  REQUIRE(run(*store, DropBody{lost}).ok());
  const MessageId after = accept_content(*store, large);
  CHECK(found(*store, {}) == std::vector{before, small_mail, after});
  CHECK(body_of(*store->reader(), before) == large);
  CHECK(body_of(*store->reader(), after) == large);
}

TEST_CASE("while the reserve is given up for alerts no content takes its place") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const MessageId before = accept_content(*store, text_of_octets(2 * piece));
  store->release_reserve();
  const Answer large =
      run(*store, AppendBody{store->next_message_id(), 0, std::string(piece, 'x')});
  CHECK(large.error == StoreError::full);
  CHECK(slots_in(directory) == 2);  // the space of the free ones went back
  accept_plain(*store);
  REQUIRE(store->keep_reserve());
  const MessageId after = accept_content(*store, text_of_octets(2 * piece, 3));
  CHECK(body_of(*store->reader(), before) == text_of_octets(2 * piece));
  CHECK(body_of(*store->reader(), after) == text_of_octets(2 * piece, 3));
}

}  // namespace
}  // namespace cordon::store
