// The vault over a real store: keys and rows begin and end together, whatever happens in between.
#include "proxy/credential_vault.h"

#include <fstream>
#include <future>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include "proxy/uptime_clock.h"
#include "store/sqlite_store.h"

namespace cordon::proxy {
namespace {

namespace fs = std::filesystem;
using store::MessageId;
using store::WallTime;

constexpr WallTime long_ago{};
constexpr WallTime never_ends = WallTime::max();

class Trial {
 public:
  Trial() {
    std::string name = (fs::temp_directory_path() / "cordon_vault_XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
    start();
  }
  ~Trial() {
    vault.reset();
    store.reset();
    fs::remove_all(path_);
  }
  Trial(const Trial&) = delete;
  Trial& operator=(const Trial&) = delete;

  void start() {
    vault.reset();
    store.reset();
    store = store::open_sqlite_store({.directory = path_ / "state", .reserve_octets = 0});
    vault = std::make_unique<CredentialVault>(*store, keys(), clock);
    if (store::KeyFile::is_in(keys())) vault->open_keys();
  }
  fs::path keys() const { return path_ / "keys"; }

  bool run(store::Command command) {
    std::promise<bool> done;
    store::Batch batch;
    batch.push_back(std::move(command));
    store->submit(std::move(batch),
                  [&](const store::Answer& answer) { done.set_value(answer.ok()); });
    return done.get_future().get();
  }
  // A message that waits for `login`.
  MessageId accept(const std::string& login = "ann") {
    store::Accept accept;
    accept.message.id = store->next_message_id();
    accept.message.origin = store::the_gateway;
    accept.message.login = login;
    accept.message.envelope.recipients.push_back({{"bert", "in.example"}, 0, ""});
    const MessageId id = accept.message.id;
    REQUIRE(run(std::move(accept)));
    return id;
  }
  MessageId accept_sealed(const smtp::Credentials& credentials) {
    const MessageId id = accept();
    seal(id, credentials);
    return id;
  }
  void seal(MessageId id, const smtp::Credentials& credentials) {
    REQUIRE(run(store::SealCredentials{id, vault->seal(id, credentials)}));
  }
  std::string row(MessageId id) { return store->reader()->message(id)->sealed; }
  std::optional<smtp::Credentials> open(MessageId id) {
    return vault->open(id, row(id)).credentials;
  }
  void sweep(WallTime lived_since, WallTime settled_before = never_ends) {
    vault->sweep(*store->reader(), lived_since, settled_before);
    run(store::DropCredentials{});  // what it submitted is stored by now
  }
  std::size_t kept() {
    vault.reset();
    const std::size_t keys_kept = store::KeyFile(keys()).kept().size();
    start();
    return keys_kept;
  }

  bool renew(MessageId id, const smtp::Credentials& credentials) {
    std::promise<bool> done;
    vault->renew(id, credentials,
                 [&](const store::Answer& answer) { done.set_value(answer.ok()); });
    return done.get_future().get();
  }
  // Whether it was told that there is a renewal.
  bool forget(MessageId id, const std::string& sealed) {
    bool renewed = false;
    vault->forget(id, sealed, [&] { renewed = true; });
    run(store::DropCredentials{});
    return renewed;
  }

  CredentialVault::Clock clock = SlowClock();
  std::unique_ptr<store::Store> store;
  std::unique_ptr<CredentialVault> vault;

 private:
  fs::path path_;
};

smtp::Credentials ann(std::string secret = "s3cret") {
  smtp::Credentials given;
  given.user = "ann";
  given.secret = std::move(secret);
  return given;
}

// While it lives, reading the file that this process has open there fails: its descriptor is one of
// a directory.
class BrokenReads {
 public:
  explicit BrokenReads(const fs::path& file) : whole_(descriptor_of(file)), kept_(::dup(whole_)) {
    const int directory = ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    REQUIRE(::dup2(directory, whole_) == whole_);
    ::close(directory);
  }
  ~BrokenReads() {
    ::dup2(kept_, whole_);
    ::close(kept_);
  }
  BrokenReads(const BrokenReads&) = delete;
  BrokenReads& operator=(const BrokenReads&) = delete;

 private:
  static int descriptor_of(const fs::path& file) {
    for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
      std::error_code gone;
      if (fs::read_symlink(entry.path(), gone) == file)
        return std::stoi(entry.path().filename().string());
    }
    FAIL("it is not open");
    return -1;
  }
  int whole_;
  int kept_;
};

TEST_CASE("credentials open until their message is settled, also after a restart") {
  Trial trial;
  const MessageId id = trial.accept_sealed(ann());
  CHECK(trial.open(id) == ann());
  trial.start();
  CHECK(trial.open(id) == ann());
  const std::string sealed = trial.row(id);
  trial.vault->destroy(id);
  trial.vault->destroy(id);
  CHECK_FALSE(trial.vault->open(id, sealed).credentials);
}

TEST_CASE("no directory is made before it is needed") {
  Trial trial;
  const MessageId id = trial.accept("");
  CHECK_FALSE(trial.vault->open(id, "anything").credentials);
  trial.vault->destroy(id);
  trial.sweep(never_ends);
  trial.vault->sync();
  CHECK_FALSE(fs::exists(trial.keys()));
  trial.seal(id, ann());
  CHECK(trial.open(id) == ann());
}

TEST_CASE("each has a key and a nonce of its own, and another's row opens nothing") {
  Trial trial;
  const MessageId one = trial.accept_sealed(ann());
  const MessageId other = trial.accept_sealed(ann());
  CHECK(trial.row(one) != trial.row(other));
  CHECK(trial.row(one).substr(1, 12) != trial.row(other).substr(1, 12));
  CHECK_FALSE(trial.vault->open(one, trial.row(other)).credentials);
  CHECK_FALSE(trial.vault->open(one, "").credentials);
}

TEST_CASE("what is sealed again opens no more as it was before") {
  Trial trial;
  const MessageId id = trial.accept_sealed(ann("old"));
  const std::string before = trial.row(id);
  trial.seal(id, ann("new"));
  CHECK(trial.open(id) == ann("new"));
  CHECK_FALSE(trial.vault->open(id, before).credentials);
}

TEST_CASE("what has lived its time ends, key and row; what was sealed anew goes on") {
  Trial trial;
  const MessageId old = trial.accept_sealed(ann());
  const MessageId renewed = trial.accept_sealed(ann("old"));
  const std::string sealed = trial.row(old);
  const WallTime since = wall_now() + std::chrono::milliseconds(1);
  while (wall_now() <= since) {
  }
  trial.seal(renewed, ann("new"));
  trial.sweep(since);
  CHECK(trial.row(old).empty());
  CHECK_FALSE(trial.vault->open(old, sealed).credentials);
  CHECK(trial.open(renewed) == ann("new"));
}

TEST_CASE("keys of settled and of unknown messages are destroyed, those just made are not") {
  Trial trial;
  const MessageId waiting = trial.accept_sealed(ann());
  const MessageId settled = trial.accept_sealed(ann());
  REQUIRE(trial.run(store::DeleteMessage{settled}));
  CHECK_FALSE(trial.vault->seal(MessageId{4711}, ann()).empty());
  CHECK(trial.kept() == 3);
  trial.sweep(long_ago, long_ago);
  CHECK(trial.kept() == 3);
  trial.sweep(long_ago);
  CHECK(trial.kept() == 1);
  CHECK(trial.open(waiting) == ann());
}

TEST_CASE("a token that names nobody keeps its key as well") {
  Trial trial;
  const MessageId id = trial.accept("");
  smtp::Credentials token = ann();
  token.mechanism = smtp::Mechanism::oauthbearer;
  token.user.clear();
  trial.seal(id, token);
  trial.sweep(long_ago);
  CHECK(trial.open(id) == token);
}

TEST_CASE("a row whose key is gone is dropped: its user is asked for") {
  Trial trial;
  const MessageId lost = trial.accept_sealed(ann());
  const MessageId kept = trial.accept_sealed(ann());
  trial.vault->destroy(lost);
  CHECK_FALSE(trial.open(lost));
  CHECK_FALSE(trial.row(lost).empty());
  trial.sweep(long_ago);
  CHECK(trial.row(lost).empty());
  CHECK(trial.open(kept) == ann());
}

TEST_CASE("what was of no use is forgotten, key and row") {
  Trial trial;
  const MessageId id = trial.accept_sealed(ann());
  const std::string sealed = trial.row(id);
  CHECK_FALSE(trial.forget(id, sealed));
  CHECK(trial.row(id).empty());
  CHECK_FALSE(trial.vault->open(id, sealed).credentials);
  CHECK_FALSE(trial.forget(id, ""));
}

TEST_CASE("a delivery that fails with the old secret does not end the new one") {
  Trial trial;
  const MessageId id = trial.accept_sealed(ann("old"));
  const std::string before = trial.row(id);
  REQUIRE(trial.renew(id, ann("new")));
  CHECK(trial.forget(id, before));
  CHECK(trial.open(id) == ann("new"));
  // Nor one that had none at all.
  CHECK(trial.forget(id, ""));
  CHECK(trial.open(id) == ann("new"));
  // But if the new one is refused as well, it ends.
  CHECK_FALSE(trial.forget(id, trial.row(id)));
  CHECK(trial.row(id).empty());
  CHECK_FALSE(trial.forget(id, ""));
}

TEST_CASE("who is told of a renewal finds it in the store") {
  Trial trial;
  const MessageId id = trial.accept_sealed(ann("old"));
  const std::string before = trial.row(id);
  std::promise<std::string> found;
  trial.vault->renew(id, ann("new"), [](const store::Answer&) {});
  trial.vault->forget(id, before, [&] { found.set_value(trial.row(id)); });
  CHECK(trial.vault->open(id, found.get_future().get()).credentials == ann("new"));
}

TEST_CASE("of renewals at the same time the last counts, key and row") {
  Trial trial;
  const MessageId id = trial.accept_sealed(ann("old"));
  const auto renew_often = [&] {
    for (int i = 0; i < 200; ++i)
      trial.vault->renew(id, ann("new" + std::to_string(i)), [](const store::Answer&) {});
  };
  auto other = std::async(std::launch::async, renew_often);
  renew_often();
  other.get();
  trial.run(store::DropCredentials{});
  CHECK(trial.open(id) == ann("new199"));
}

TEST_CASE("a key whose row a crash kept from the store ends, and is not waited for") {
  Trial trial;
  const MessageId id = trial.accept_sealed(ann("old"));
  CHECK_FALSE(trial.vault->seal(id, ann("new")).empty());
  trial.start();
  const std::string before = trial.row(id);
  CHECK_FALSE(trial.open(id));
  CHECK_FALSE(trial.forget(id, before));
  CHECK(trial.row(id).empty());
  CHECK(trial.kept() == 0);
}

TEST_CASE("a renewal of what is settled meanwhile leaves no key") {
  Trial trial;
  const MessageId id = trial.accept_sealed(ann());
  REQUIRE(trial.run(store::DeleteMessage{id}));
  trial.vault->destroy(id);
  CHECK_FALSE(trial.renew(id, ann("new")));
  CHECK(trial.kept() == 0);
}

TEST_CASE("a key that cannot be read just now is not taken for gone") {
  Trial trial;
  const MessageId id = trial.accept_sealed(ann());
  const std::string sealed = trial.row(id);
  CHECK_FALSE(trial.vault->open(id, sealed).unreadable);
  CHECK_FALSE(trial.vault->open(MessageId{4711}, sealed).unreadable);
  CHECK_FALSE(trial.vault->open(MessageId{4711}, sealed).credentials);
  {
    const BrokenReads broken(trial.keys() / store::keys_name);
    const Opened opened = trial.vault->open(id, sealed);
    CHECK(opened.unreadable);
    CHECK_FALSE(opened.credentials);
  }
  CHECK(trial.open(id) == ann());
}

TEST_CASE("the time to live goes by one clock, and one that was set ahead does not extend it") {
  Trial trial;
  const auto today = [](int seconds) { return WallTime(std::chrono::seconds(seconds)); };
  WallTime now = today(1000);
  trial.clock = [&] { return now; };
  trial.start();
  const MessageId one = trial.accept_sealed(ann());
  now = today(900'000);
  const MessageId ahead = trial.accept_sealed(ann());
  now = today(1001);
  trial.sweep(today(1000), long_ago);
  CHECK(trial.open(one) == ann());
  CHECK(trial.open(ahead) == ann());
  now = today(2000);
  trial.sweep(today(1001), long_ago);
  CHECK_FALSE(trial.open(one));
  CHECK(trial.open(ahead) == ann());
  trial.sweep(today(1002), long_ago);
  CHECK_FALSE(trial.open(ahead));
}

TEST_CASE("without a place for its key nothing is sealed") {
  Trial trial;
  fs::create_directory(trial.keys());
  std::ofstream(trial.keys() / "something") << "else";
  const MessageId id = trial.accept();
  CHECK(trial.vault->seal(id, ann()).empty());
  CHECK_THROWS_AS(trial.vault->open_keys(), store::OpenError);
}

TEST_CASE("neither database nor keys have the secret's octets") {
  Trial trial;
  const std::string secret = "correct horse battery staple";
  const MessageId id = trial.accept_sealed(ann(secret));
  REQUIRE(trial.open(id) == ann(secret));
  trial.vault->sync();
  std::size_t files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(trial.keys().parent_path())) {
    if (!entry.is_regular_file()) continue;
    CAPTURE(entry.path().string());
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string octets{std::istreambuf_iterator<char>(file), {}};
    CHECK(octets.find(secret) == std::string::npos);
    files += octets.find(trial.row(id)) != std::string::npos || octets.starts_with("Cordon's keys");
  }
  CHECK(files >= 2);  // the row, or its log, and the keys
}

}  // namespace
}  // namespace cordon::proxy
