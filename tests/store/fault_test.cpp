// Memory that is not there and syncs that fail, in the threads of the store. This program has its
// own operator new, fsync() and fdatasync(), which fail when told to.
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <new>

#include <dlfcn.h>
#include <sqlite3.h>
#include <unistd.h>

#include "fixture.h"

namespace {

std::atomic<bool> no_memory{false};
thread_local bool spared = false;  // the thread of the test itself

std::atomic<int> syncs_to_fail{0};
std::atomic<int> syncs_failed{0};
std::atomic<const char*> fail_on{nullptr};  // the end of the file's name

bool is_file(int descriptor, std::string_view end) {
  const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
  char name[4096];
  const auto octets = ::readlink(link.c_str(), name, sizeof name);
  return octets > 0 && std::string_view(name, static_cast<std::size_t>(octets)).ends_with(end);
}

int sync_or_fail(int descriptor, const char* function) {
  const char* name = fail_on;
  if (syncs_to_fail > 0 && name != nullptr && is_file(descriptor, name)) {
    --syncs_to_fail;
    ++syncs_failed;
    errno = EIO;
    return -1;
  }
  return reinterpret_cast<int (*)(int)>(::dlsym(RTLD_NEXT, function))(descriptor);
}

}  // namespace

extern "C" int fsync(int descriptor) { return sync_or_fail(descriptor, "fsync"); }
extern "C" int fdatasync(int descriptor) { return sync_or_fail(descriptor, "fdatasync"); }

// Not inline: g++ would take malloc() and operator delete, seen in one place, for a mismatch.
[[gnu::noinline]] void* operator new(std::size_t octets) {
  if (no_memory && !spared) throw std::bad_alloc();
  void* memory = std::malloc(octets);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void* operator new(std::size_t octets, const std::nothrow_t&) noexcept {
  return no_memory && !spared ? nullptr : std::malloc(octets);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace cordon::store {
namespace {

constexpr std::size_t piece = max_body_piece;

// Answers without allocation, which std::promise would need on the store's thread.
struct Waiter {
  std::atomic<int> left;
  std::atomic<int> failed_for_memory{0};

  explicit Waiter(int answers) : left(answers) {}
  Store::Done callback() {
    return [this](const Answer& answer) {
      if (answer.error == StoreError::io && answer.detail == "out of memory") {
        ++failed_for_memory;
      }
      --left;
      left.notify_all();
    };
  }
  void wait() {
    for (int now = left; now > 0; now = left) left.wait(now);
  }
};

// Runs `submit` while no thread of the store gets memory, until `answers` have come.
void without_memory(Waiter& waiter, const std::function<void()>& submit) {
  spared = true;
  no_memory = true;
  submit();
  waiter.wait();
  no_memory = false;
}

TEST_CASE("a batch without memory is answered with an error, and the writer goes on") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const MessageId before = accept_plain(*store);
  Waiter waiter(10);
  without_memory(waiter, [&] {
    for (int i = 0; i < 10; ++i) {
      // The normal form of a long mailbox needs memory.
      Accept accept = plain(*store);
      accept.message.envelope.recipients = {to(std::string(60, 'r'), std::string(100, 'D'))};
      store->submit({Command(std::move(accept))}, waiter.callback());
    }
  });
  CHECK(waiter.failed_for_memory == 10);
  CHECK(found(*store, {}) == std::vector{before});
  const MessageId after = accept_plain(*store);
  CHECK(found(*store, {}) == std::vector{before, after});
}

TEST_CASE("content without memory is answered with an error, and the content writer goes on") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const std::string content = text_of_octets(3 * piece + 5);
  const MessageId before = accept_content(*store, content);
  const MessageId appended = store->next_message_id();
  REQUIRE(run(*store, AppendBody{appended, 0, std::string(piece, 'x')}).ok());
  Waiter waiter(3);
  without_memory(waiter, [&] {
    // A new message, a piece more, and an acceptance.
    store->submit({Command(AppendBody{store->next_message_id(), 0, std::string(piece, 'y')})},
                  waiter.callback());
    store->submit({Command(AppendBody{appended, 1, std::string(piece, 'z')})}, waiter.callback());
    store->submit({Command(plain(*store, the_gateway, std::string(piece, 'a')))},
                  waiter.callback());
  });
  CHECK(waiter.failed_for_memory == 3);
  CHECK(found(*store, {}) == std::vector{before});
  CHECK(body_of(*store->reader(), before) == content);
  const MessageId after = accept_content(*store, content);
  CHECK(body_of(*store->reader(), after) == content);
}

TEST_CASE("when SQLite has no memory the batch is answered with an error, and the writer goes on") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const MessageId before = accept_plain(*store);
  const auto old_limit = ::sqlite3_hard_heap_limit64(::sqlite3_memory_used() + 20'000);
  const Answer answer = run(*store, plain(*store, the_gateway, std::string(32'000, 'x')));
  ::sqlite3_hard_heap_limit64(old_limit);
  CHECK(answer.error == StoreError::io);
  CHECK(answer.detail == "out of memory");
  const MessageId after = accept_plain(*store);
  CHECK(found(*store, {}) == std::vector{before, after});
}

void fail_syncs(const char* file, int times) {
  syncs_failed = 0;
  fail_on = file;
  syncs_to_fail = times;
}

TEST_CASE("content that a failed sync may have lost is never accepted, and the next is") {
  const TemporaryDirectory directory;
  auto store = directory.open();
  const std::string content = text_of_octets(2 * piece + 40'000);
  const MessageId before = accept_content(*store, content);
  // Two messages under way, one of them synced in part by the other's acceptance.
  MessageId hit{};
  MessageId other{};
  std::vector<Batch> of_hit = batches_of(*store, content, hit);
  std::vector<Batch> of_other = batches_of(*store, content, other);
  REQUIRE(submit_and_wait(*store, std::move(of_hit[0])).ok());
  const MessageId between = accept_content(*store, content);
  REQUIRE(submit_and_wait(*store, std::move(of_hit[1])).ok());
  REQUIRE(submit_and_wait(*store, std::move(of_other[0])).ok());
  fail_syncs("cordon.slots", 1);
  CHECK(submit_and_wait(*store, std::move(of_hit[2])).error == StoreError::io);
  CHECK(syncs_failed == 1);
  // The device is well again, but what the other has written so far is gone.
  CHECK(submit_and_wait(*store, std::move(of_other[1])).error == StoreError::io);
  CHECK(submit_and_wait(*store, std::move(of_other[2])).error == StoreError::io);
  CHECK(found(*store, {}) == std::vector{before, between});
  const MessageId after = accept_content(*store, content);
  store.reset();
  store = directory.open();
  CHECK(found(*store, {}) == std::vector{before, between, after});
  for (const MessageId id : {before, between, after}) {
    CHECK(body_of(*store->reader(), id) == content);
  }
}

TEST_CASE("content synced before a failed sync is still good") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const std::string content = text_of_octets(piece + 20);  // its end is inline
  MessageId good{};
  MessageId bad{};
  std::vector<Batch> of_good = batches_of(*store, content, good);
  std::vector<Batch> of_bad = batches_of(*store, content, bad);
  REQUIRE(submit_and_wait(*store, std::move(of_good[0])).ok());
  accept_content(*store, content);
  REQUIRE(submit_and_wait(*store, std::move(of_bad[0])).ok());
  fail_syncs("cordon.slots", 1);
  CHECK(submit_and_wait(*store, std::move(of_bad[1])).error == StoreError::io);
  REQUIRE(submit_and_wait(*store, std::move(of_good[1])).ok());
  CHECK(body_of(*store->reader(), good) == content);
}

TEST_CASE("slots of a failed commit are not used again before a later commit has gone through") {
  const TemporaryDirectory directory;
  const auto store = directory.open();
  const std::string content = text_of_octets(piece + 20, 1);
  accept_content(*store, text_of_octets(piece + 20, 2));
  MessageId failed{};
  std::vector<Batch> batches = batches_of(*store, content, failed);
  REQUIRE(submit_and_wait(*store, std::move(batches[0])).ok());
  fail_syncs("cordon.db-wal", 1);
  CHECK(submit_and_wait(*store, std::move(batches[1])).error == StoreError::io);
  CHECK(syncs_failed == 1);
  // Its frames may be on the disk whole: a crash now would bring it back, with these bytes.
  const MessageId next = store->next_message_id();
  REQUIRE(run(*store, AppendBody{next, 0, std::string(piece, 'n')}).ok());
  const std::string slots = bytes_of(directory.path()).at("cordon.slots");
  CHECK(slots.substr(piece, piece) == content.substr(0, piece));
  CHECK(slots.substr(2 * piece, piece) == std::string(piece, 'n'));
  REQUIRE(run(*store, SaveUptime{up(5)}).ok());
  REQUIRE(run(*store, AppendBody{store->next_message_id(), 0, std::string(piece, 'm')}).ok());
  CHECK(bytes_of(directory.path()).at("cordon.slots").substr(piece, piece) ==
        std::string(piece, 'm'));
}

TEST_CASE("checkpoints that fail hold up nobody, and what they copied is copied again") {
  const TemporaryDirectory directory;
  SqliteOptions options = directory.options();
  options.checkpoint_pages = 50;
  auto store = open_sqlite_store(options);
  fail_syncs("cordon.db", 3);
  std::vector<MessageId> held;
  for (int i = 0; syncs_failed < 3 || i < 300; ++i) {
    Accept accept = plain(*store, the_gateway, text_of_octets(10'000, 3));
    held.push_back(accept.message.id);
    REQUIRE(run(*store, std::move(accept)).ok());
  }
  store.reset();
  store = open_sqlite_store(options);
  CHECK(found(*store, {}) == held);
  for (const MessageId id : held)
    REQUIRE(body_of(*store->reader(), id) == text_of_octets(10'000, 3));
}

}  // namespace
}  // namespace cordon::store
