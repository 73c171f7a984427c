// What is refused at open, word and byte; what survives the death of the process.
#include <csignal>
#include <set>

#include <sys/wait.h>

#include "fixture.h"
#include "store/sqlite.h"

namespace cordon::store {
namespace {

std::string refusal(const TemporaryDirectory& directory) {
  try {
    directory.open();
  } catch (const OpenError& error) {
    return error.what();
  }
  return "was opened";
}

// The words of the refusal; checks that nothing in the directory has changed by it.
std::string untouched_refusal(const TemporaryDirectory& directory) {
  const auto before = bytes_of(directory.path());
  std::string words = refusal(directory);
  CHECK(bytes_of(directory.path()) == before);
  return words;
}

bool has(const std::string& text, const std::string& part) {
  CAPTURE(text);
  return text.find(part) != std::string::npos;
}

void overwrite(const std::filesystem::path& file, std::streamoff offset, const std::string& bytes) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(offset);
  stream << bytes;
  REQUIRE(stream.good());
}

// A closed store with some mail in it.
void fill(const TemporaryDirectory& directory) {
  const auto store = directory.open();
  for (int i = 0; i < 50; ++i) accept_plain(*store);
}

TEST_CASE("a file that is no database is refused") {
  const TemporaryDirectory directory;
  SUBCASE("garbage") {
    std::ofstream(directory.database()) << std::string(8192, 'g');
    CHECK(has(untouched_refusal(directory), "no SQLite database"));
  }
  SUBCASE("empty") {
    std::ofstream(directory.database()).close();
    CHECK(has(untouched_refusal(directory), "damaged"));
  }
  SUBCASE("its header gone") {
    fill(directory);
    overwrite(directory.database(), 0, std::string(16, '\0'));
    CHECK(has(untouched_refusal(directory), "header is damaged"));
  }
}

TEST_CASE("a damaged database is refused") {
  const TemporaryDirectory directory;
  fill(directory);
  SUBCASE("cut off") {
    std::filesystem::resize_file(directory.database(),
                                 std::filesystem::file_size(directory.database()) / 2);
    CHECK(has(untouched_refusal(directory), "damaged"));
  }
  SUBCASE("a page overwritten") {
    overwrite(directory.database(), std::streamoff{3} * 4096, std::string(4096, '\xff'));
    CHECK(has(untouched_refusal(directory), "damaged"));
  }
  SUBCASE("a page overwritten, in a database too large for a whole check") {
    overwrite(directory.database(), std::streamoff{4096}, std::string(4096, '\xff'));
    const auto before = bytes_of(directory.path());
    SqliteOptions options = directory.options();
    options.full_check_octets = 0;
    CHECK_THROWS_AS(open_sqlite_store(options), OpenError);
    CHECK(bytes_of(directory.path()) == before);
  }
  SUBCASE("a table missing") {
    Database(directory.database().string(), SQLITE_OPEN_READWRITE).execute("DROP TABLE recipient");
    CHECK(has(untouched_refusal(directory), "tables are not those"));
  }
}

TEST_CASE("a large database that is sound is opened without a whole check") {
  const TemporaryDirectory directory;
  fill(directory);
  SqliteOptions options = directory.options();
  options.full_check_octets = 0;
  CHECK(found(*open_sqlite_store(options), {}).size() == 50);
}

TEST_CASE("a newer database, and another application's, are refused") {
  const TemporaryDirectory directory;
  fill(directory);
  {
    Database db(directory.database().string(), SQLITE_OPEN_READWRITE);
    SUBCASE("newer") { db.execute("PRAGMA user_version = 99"); }
    SUBCASE("foreign") { db.execute("PRAGMA application_id = 1234"); }
    SUBCASE("without version") { db.execute("PRAGMA user_version = 0"); }
  }
  const std::string words = untouched_refusal(directory);
  CHECK((has(words, "newer Cordon (schema version 99") || has(words, "another application") ||
         has(words, "no schema version")));
}

TEST_CASE("a database whose newer version is still in its log is refused, and its log kept") {
  const TemporaryDirectory running;
  const TemporaryDirectory crashed;
  fill(running);
  Database db(running.database().string(), SQLITE_OPEN_READWRITE);
  db.execute("PRAGMA wal_autocheckpoint = 0; PRAGMA user_version = 99");
  for (const char* name : {"cordon.db", "cordon.db-wal"}) {
    std::filesystem::copy_file(running.path() / name, crashed.path() / name);
  }
  CHECK(bytes_of(crashed.path()).count("cordon.db-wal") == 1);
  CHECK(has(untouched_refusal(crashed), "newer Cordon (schema version 99"));
}

TEST_CASE("a directory that is none is refused, a missing one is made") {
  const TemporaryDirectory directory;
  SqliteOptions options;
  options.directory = directory.path() / "file";
  std::ofstream(options.directory) << "x";
  CHECK_THROWS_AS(open_sqlite_store(options), OpenError);
  options.directory = "/proc/cordon";  // not even root can write there
  CHECK_THROWS_AS(open_sqlite_store(options), OpenError);
  options.directory = directory.path() / "a" / "b";
  const auto store = open_sqlite_store(options);
  const auto mode = std::filesystem::status(options.directory / "cordon.db").permissions();
  CHECK((mode & (std::filesystem::perms::group_all | std::filesystem::perms::others_all)) ==
        std::filesystem::perms::none);
}

// A child process with its own part in a test, and a pipe from it.
class Child {
 public:
  explicit Child(const std::function<void(int pipe)>& work) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      ::close(ends[0]);
      try {
        work(ends[1]);
      } catch (...) {
      }
      ::_exit(1);
    }
    ::close(ends[1]);
    pipe_ = ends[0];
  }
  ~Child() {
    kill();
    ::close(pipe_);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  bool read(MessageId& id) {
    auto* bytes = reinterpret_cast<char*>(&id);
    std::size_t got = 0;
    while (got < sizeof id) {
      const auto octets = ::read(pipe_, bytes + got, sizeof id - got);
      if (octets <= 0) return false;
      got += static_cast<std::size_t>(octets);
    }
    return true;
  }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
  int pipe_ = -1;
};

void tell(int pipe, MessageId id) {
  if (::write(pipe, &id, sizeof id) != sizeof id) ::_exit(1);
}

TEST_CASE("a store in use by another process is refused by its process id") {
  const TemporaryDirectory directory;
  fill(directory);
  Child holder([&](int pipe) {
    const auto store = directory.open();
    tell(pipe, store->next_message_id());  // waits for the first write: all is quiet after it
    for (;;) ::pause();
  });
  MessageId ready{};
  REQUIRE(holder.read(ready));
  CHECK(has(untouched_refusal(directory), "in use by process " + std::to_string(holder.pid())));
  holder.kill();
  CHECK(found(*directory.open(), {}).size() == 50);
}

// Keeps 50 messages under way for ever; tells the id of each that is answered.
void accept_for_ever(Store& store, int pipe) {
  std::function<void()> next = [&] {
    Accept accept = plain(store);
    const MessageId id = accept.message.id;
    accept.bytes = std::to_string(static_cast<std::int64_t>(id)) + std::string(3000, '.');
    store.submit({Command(std::move(accept))}, [&, id](const Answer& answer) {
      if (answer.ok()) tell(pipe, id);
      next();
    });
  };
  for (int i = 0; i < 50; ++i) next();
  for (;;) ::pause();
}

TEST_CASE("kill -9 under load loses nothing that was answered, and no identifier comes back") {
  const TemporaryDirectory directory;
  SqliteOptions options = directory.options();
  options.checkpoint_pages = 100;  // so that it also dies in checkpoints
  std::set<MessageId> answered;
  for (int round = 0; round < 5; ++round) {
    Child child([&](int pipe) { accept_for_ever(*open_sqlite_store(options), pipe); });
    MessageId id{};
    for (int i = 0; i < 300 + 77 * round && child.read(id); ++i) {
      CHECK(answered.insert(id).second);
    }
    child.kill();
    while (child.read(id)) answered.insert(id);
  }
  CHECK(answered.size() >= 5 * 300);
  const auto store = open_sqlite_store(options);
  const auto reader = store->reader();
  for (const MessageId id : answered) {
    const std::string expected = std::to_string(static_cast<std::int64_t>(id));
    REQUIRE(body_of(*reader, id).substr(0, expected.size()) == expected);
  }
  CHECK(store->next_message_id() > *answered.rbegin());
}

}  // namespace
}  // namespace cordon::store
