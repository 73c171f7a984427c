// What is refused at open, word and byte; what survives the death of the process.
#include <csignal>
#include <set>

#include <sys/wait.h>

#include "fixture.h"
#include "store/migrations.h"
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

TEST_CASE("rows that name no slot of their own are refused") {
  const TemporaryDirectory directory;
  MessageId first{};
  {
    const auto store = directory.open();
    first = accept_content(*store, text_of_octets(2 * max_body_piece));
    accept_content(*store, text_of_octets(2 * max_body_piece));
  }
  const auto change = [&](const char* sql) {
    Database(directory.database().string(), SQLITE_OPEN_READWRITE).execute(sql);
  };
  const auto slots = directory.path() / "cordon.slots";
  SUBCASE("one that another has") {
    change("UPDATE body_slot SET slot = 1 WHERE slot = 2");
    CHECK(has(untouched_refusal(directory), "is in no slot of its own"));
  }
  SUBCASE("one with more octets than it can have") {
    change("UPDATE body_slot SET octets = 65537 WHERE slot = 0");
    const std::string words = untouched_refusal(directory);
    CHECK(has(words, "is in no slot of its own"));
    CHECK(has(words, "message " + std::to_string(static_cast<std::int64_t>(first))));
  }
  SUBCASE("one behind the end of the file") {
    change("UPDATE body_slot SET slot = 9999 WHERE slot = 1");
    CHECK(has(untouched_refusal(directory), "too short for the content of message"));
  }
  SUBCASE("a negative one") {
    change("UPDATE body_slot SET slot = -1 WHERE slot = 1");
    CHECK(has(untouched_refusal(directory), "too short for the content of message"));
  }
  SUBCASE("the file cut off") {
    std::filesystem::resize_file(slots, 100'000);
    CHECK(has(untouched_refusal(directory), "too short for the content of message"));
  }
  SUBCASE("the file gone") {
    std::filesystem::remove(slots);
    CHECK(has(untouched_refusal(directory), "too short for the content of message"));
    CHECK_FALSE(std::filesystem::exists(slots));
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

TEST_CASE("a database of version 1 is brought up to date, with its mail and without its orphans") {
  const TemporaryDirectory directory;
  const std::string whole(max_body_piece, 'w');
  {
    Database db(directory.database().string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    db.execute("PRAGMA application_id = 1131570286");  // "Crdn"
    db.execute(migrations()[0]);
    db.execute("PRAGMA user_version = 1; PRAGMA journal_mode = WAL");
    db.execute(R"sql(
      UPDATE id_mark SET next = 50 WHERE kind = 0;
      INSERT INTO message VALUES (7, 0, 0, 1, 'submission', 's', 1000, 10, 70, 0, 0, 0, 0, NULL,
        'a@x.example', NULL, NULL, 0, 0, 0, '', '', 65541, x'00', '', '', '');
      INSERT INTO recipient VALUES (7, 0, 'b@y.example', NULL, 0, '', 0, '', NULL);
      INSERT INTO body VALUES (7 << 16 | 1, CAST('tail!' AS BLOB));
      INSERT INTO body VALUES (8 << 16, x'aa'), (8 << 16 | 1, x'bb');
      INSERT INTO open_body VALUES (8, 2);
    )sql");
    db.query("INSERT INTO body VALUES (7 << 16, ?1)").with(as_blob(whole)).run();
  }
  {
    const auto store = directory.open();
    CHECK(found(*store, {}) == std::vector{MessageId{7}});
    CHECK(body_of(*store->reader(), MessageId{7}) == whole + "tail!");
    CHECK(body_of(*store->reader(), MessageId{8}).empty());
    CHECK(store->next_message_id() == MessageId{50});
    const MessageId large = accept_content(*store, whole + whole);
    CHECK(body_of(*store->reader(), large) == whole + whole);
    deliver(*store, MessageId{7});
    CHECK(body_of(*store->reader(), MessageId{7}).empty());
  }
  Database db(directory.database().string(), SQLITE_OPEN_READONLY);
  CHECK(db.value("PRAGMA user_version") == newest_version());
  CHECK(db.value("SELECT count(*) FROM body") == 0);
  CHECK(db.value("SELECT count(*) FROM body_slot") == 2);
  CHECK(db.value("SELECT count(*) FROM sqlite_schema WHERE name = 'open_body'") == 0);
}

TEST_CASE("a database of version 2 is brought up to date: of no delay was told") {
  const TemporaryDirectory directory;
  {
    Database db(directory.database().string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    db.execute("PRAGMA application_id = 1131570286");  // "Crdn"
    db.execute(migrations()[0]);
    db.execute(migrations()[1]);
    db.execute("PRAGMA user_version = 2; PRAGMA journal_mode = WAL");
    db.execute(R"sql(
      UPDATE id_mark SET next = 50 WHERE kind = 0;
      INSERT INTO message VALUES (7, 0, 0, 1, 'submission', 's', 1000, 10, 70, 0, 0, 0, 3, NULL,
        'a@x.example', NULL, NULL, 0, 0, 0, '', '', 5, x'00', '', '', '');
      INSERT INTO recipient VALUES (7, 0, 'b@y.example', NULL, 2, 'rfc822;b', 0, '450 no', NULL),
        (7, 1, 'c@y.example', NULL, 0, '', 1, '250 ok', 2000);
      INSERT INTO body VALUES (7 << 16, CAST('tail!' AS BLOB));
    )sql");
  }
  const auto store = directory.open();
  const auto view = store->reader()->message(MessageId{7});
  REQUIRE(view);
  REQUIRE(view->recipients.size() == 2);
  CHECK(view->message.envelope.recipients[0].notify == smtp::notify::success);
  CHECK(view->message.envelope.recipients[0].orcpt == "rfc822;b");
  CHECK(view->recipients[0].last_reply == "450 no");
  CHECK(view->recipients[1].settled_at == at(2));
  CHECK_FALSE((view->recipients[0].delay_told || view->recipients[1].delay_told));
  RecordAttempt late{MessageId{7}, at(2000), up(130), {{0, RecipientState::pending, "450", true}}};
  REQUIRE(run(*store, Claim{{MessageId{7}}}, late).ok());
  CHECK(store->reader()->message(MessageId{7})->recipients[0].delay_told);
  CHECK(body_of(*store->reader(), MessageId{7}) == "tail!");
}

TEST_CASE("a database of version 3 is brought up to date: nobody had a login") {
  const TemporaryDirectory directory;
  {
    Database db(directory.database().string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    db.execute("PRAGMA application_id = 1131570286");  // "Crdn"
    for (int version = 0; version < 3; ++version) db.execute(migrations()[version]);
    db.execute("PRAGMA user_version = 3; PRAGMA journal_mode = WAL");
    db.execute(R"sql(
      UPDATE id_mark SET next = 50 WHERE kind = 0;
      INSERT INTO message VALUES (7, 0, 0, 1, 'submission', 's', 1000, 10, 70, 0, 0, 0, 3, NULL,
        'a@x.example', NULL, NULL, 0, 0, 0, '', '', 5, x'00', '', 'one@x', 'two@x');
      INSERT INTO recipient VALUES (7, 0, 'b@y.example', NULL, 0, '', 0, '450 no', NULL, 1);
      INSERT INTO body VALUES (7 << 16, CAST('tail!' AS BLOB));
    )sql");
  }
  const auto store = directory.open();
  const auto view = store->reader()->message(MessageId{7});
  REQUIRE(view);
  CHECK(view->message.references == "two@x");
  CHECK(view->message.client.empty());
  CHECK(view->message.login.empty());
  CHECK(view->sealed.empty());
  CHECK(view->recipients[0].delay_told);
  CHECK(body_of(*store->reader(), MessageId{7}) == "tail!");
  REQUIRE(run(*store, SealCredentials{MessageId{7}, "blob"}).ok());
  CHECK(store->reader()->message(MessageId{7})->sealed == "blob");
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

// One in eight is large.
std::string content_under_load(MessageId id) {
  const auto number = static_cast<std::size_t>(id);
  return text_of_octets(number % 8 == 0 ? 200'000 : 3000, number);
}

// Keeps 50 messages under way for ever; tells the id of each that is answered.
void accept_for_ever(Store& store, int pipe) {
  std::function<void()> next = [&] {
    Accept accept = plain(store);
    const MessageId id = accept.message.id;
    const std::string content = content_under_load(id);
    Batch batch;
    std::size_t place = 0;
    for (; content.size() - place > max_body_piece; place += max_body_piece) {
      batch.emplace_back(AppendBody{id, accept.piece++, content.substr(place, max_body_piece)});
    }
    accept.bytes = content.substr(place);
    batch.emplace_back(std::move(accept));
    store.submit(std::move(batch), [&, id](const Answer& answer) {
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
    REQUIRE(body_of(*reader, id) == content_under_load(id));
  }
  CHECK(store->next_message_id() > *answered.rbegin());
}

}  // namespace
}  // namespace cordon::store
