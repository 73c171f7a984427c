// The file of keys, octet by octet: what is put is found, what is destroyed is gone from the file,
// and what is none of ours stays as it is.
#include "store/key_file.h"

#include <atomic>

#include <sys/stat.h>

#include "fixture.h"

namespace cordon::store {
namespace {

using namespace std::string_literals;
namespace fs = std::filesystem;

MessageKey key_of(char octet) {
  MessageKey key;
  key.octets.fill(static_cast<std::uint8_t>(octet));
  return key;
}

std::string octets_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_file(const fs::path& path, const std::string& octets) {
  std::ofstream(path, std::ios::binary) << octets;
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
}

// A directory that is not there yet, within one that goes with the test.
struct Place {
  TemporaryDirectory outside;
  fs::path directory = outside.path() / "keys";
  fs::path file = directory / "cordon.keys";

  std::string octets() const { return octets_of(file); }
  bool has(char octet) const { return octets().find(std::string(32, octet)) != std::string::npos; }
  std::string refusal() const {
    try {
      const KeyFile keys(directory);
    } catch (const OpenError& error) {
      return error.what();
    }
    return "was opened";
  }
};

unsigned mode_of(const fs::path& path) {
  struct stat facts {};
  REQUIRE(::stat(path.c_str(), &facts) == 0);
  return facts.st_mode & 0777U;
}

bool contains(const std::string& text, const std::string& part) {
  CAPTURE(text);
  return text.find(part) != std::string::npos;
}

const std::string header = "Cordon's keys 1\n"s + std::string(48, '\0');
// Of message 0x0102, made 0x0304 ms after 1970, with the key "kkk...". The check is what
// `head -c 48 | sha256sum` says of the rest.
const std::string record = "\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\x03\x04"s + std::string(32, 'k') +
                           "\xb7\xa3\x29\xcd\x85\xc8\x57\x1f\x5b\x45\xe6\x07\x81\x29\xd7\x50"s;

TEST_CASE("directory and file are made for nobody else, and asked to be left out of backups") {
  const Place place;
  const KeyFile keys(place.directory);
  CHECK(mode_of(place.directory) == 0700);
  CHECK(mode_of(place.file) == 0600);
  CHECK(place.octets() == header);
  CHECK(octets_of(place.directory / "CACHEDIR.TAG")
            .starts_with("Signature: 8a477f597d28d172789f06886806bc55\n"));
  CHECK(KeyFile::is_in(place.directory));
  CHECK_FALSE(KeyFile::is_in(place.outside.path()));
}

TEST_CASE("a record has these octets") {
  const Place place;
  {
    KeyFile keys(place.directory);
    keys.put(MessageId{0x0102}, WallTime(std::chrono::milliseconds(0x0304)), key_of('k'));
    CHECK(place.octets() == header + record);
  }
  const KeyFile keys(place.directory);
  CHECK(keys.get(MessageId{0x0102}) == key_of('k'));
  CHECK(keys.kept() == std::vector{MessageId{0x0102}});
  CHECK_FALSE(keys.get(MessageId{0x0103}));
  CHECK_FALSE(keys.holds(MessageId{0x0103}));
}

TEST_CASE("a destroyed key is overwritten where it was, and its record used again") {
  const Place place;
  KeyFile keys(place.directory);
  keys.put(MessageId{1}, at(1), key_of('a'));
  keys.put(MessageId{2}, at(2), key_of('b'));
  keys.destroy(MessageId{1});
  keys.destroy(MessageId{1});
  keys.destroy(MessageId{77});
  CHECK_FALSE(keys.holds(MessageId{1}));
  CHECK_FALSE(keys.get(MessageId{1}));
  CHECK(place.octets().substr(64, 64) == std::string(64, '\0'));
  keys.put(MessageId{3}, at(3), key_of('c'));
  CHECK(place.octets().size() == 64 * 3);
  CHECK(place.octets().substr(64 + 16, 32) == std::string(32, 'c'));
  CHECK(keys.get(MessageId{2}) == key_of('b'));
  CHECK(keys.get(MessageId{3}) == key_of('c'));
}

TEST_CASE("a second key of a message takes the place of the first, wherever a record is free") {
  const Place place;
  KeyFile keys(place.directory);
  keys.put(MessageId{1}, at(1), key_of('a'));
  keys.put(MessageId{2}, at(2), key_of('b'));
  keys.destroy(MessageId{1});
  keys.put(MessageId{2}, at(9), key_of('c'));
  CHECK(keys.get(MessageId{2}) == key_of('c'));
  CHECK_FALSE(place.has('b'));
  CHECK(keys.destroy_older(at(9)).empty());
  CHECK(keys.kept() == std::vector{MessageId{2}});
}

TEST_CASE("what is older goes, and is told by id") {
  const Place place;
  KeyFile keys(place.directory);
  for (const int id : {5, 4, 3, 2, 1}) {
    keys.put(MessageId{id}, at(id), key_of(static_cast<char>('a' + id)));
  }
  CHECK(keys.kept(at(3)) == std::vector{MessageId{1}, MessageId{2}});
  CHECK(keys.destroy_older(at(3)) == std::vector{MessageId{1}, MessageId{2}});
  CHECK(keys.kept() == std::vector{MessageId{3}, MessageId{4}, MessageId{5}});
  CHECK_FALSE((place.has('b') || place.has('c')));
  CHECK(place.has('d'));
}

TEST_CASE("a record that is torn or damaged is not believed, and does no harm to others") {
  const Place place;
  {
    KeyFile keys(place.directory);
    for (const int id : {1, 2, 3}) keys.put(MessageId{id}, at(id), key_of('k'));
  }
  std::string octets = place.octets();
  const std::size_t second = 128;
  SUBCASE("id") { octets[second + 7] = 9; }
  SUBCASE("time") { octets[second + 15] ^= 1; }
  SUBCASE("key") { octets[second + 20] ^= 1; }
  SUBCASE("check") { octets[second + 63] ^= 1; }
  SUBCASE("half of it") { octets.replace(second + 32, 32, 32, '\0'); }
  write_file(place.file, octets);
  KeyFile keys(place.directory);
  CHECK(keys.kept() == std::vector{MessageId{1}, MessageId{3}});
  CHECK(place.octets().substr(second, 64) == std::string(64, '\0'));
  keys.put(MessageId{4}, at(4), key_of('x'));
  CHECK(place.octets().size() == octets.size());
}

TEST_CASE("a file that somebody changes meanwhile gives nobody another's key") {
  const Place place;
  KeyFile keys(place.directory);
  for (const int id : {1, 2}) keys.put(MessageId{id}, at(id), key_of('k'));
  const std::string octets = place.octets();
  write_file(place.file, header + octets.substr(128, 64) + octets.substr(64, 64));
  CHECK_FALSE(keys.get(MessageId{1}));
  CHECK_FALSE(keys.get(MessageId{2}));
}

TEST_CASE("a record that was cut off at the end is not believed, and written over") {
  const Place place;
  {
    KeyFile keys(place.directory);
    keys.put(MessageId{1}, at(1), key_of('a'));
    keys.put(MessageId{2}, at(2), key_of('b'));
  }
  fs::resize_file(place.file, 64 * 3 - 1);
  KeyFile keys(place.directory);
  CHECK(keys.kept() == std::vector{MessageId{1}});
  keys.put(MessageId{3}, at(3), key_of('c'));
  CHECK(place.octets().size() == 64 * 3);
  CHECK(keys.get(MessageId{3}) == key_of('c'));
}

TEST_CASE("of two records for one message the newer counts, and the other goes") {
  const Place place;
  { const KeyFile keys(place.directory); }
  const auto octets_with = [](int seconds, char octet) {
    const KeyOctets written = write_key_record({MessageId{1}, at(seconds), key_of(octet)});
    return std::string(written.octets.begin(), written.octets.end());
  };
  SUBCASE("first") { write_file(place.file, header + octets_with(2, 'n') + octets_with(1, 'o')); }
  SUBCASE("last") { write_file(place.file, header + octets_with(1, 'o') + octets_with(2, 'n')); }
  const KeyFile keys(place.directory);
  CHECK(keys.get(MessageId{1}) == key_of('n'));
  CHECK_FALSE(place.has('o'));
}

TEST_CASE("a record of no possible message is not believed") {
  const Place place;
  { const KeyFile keys(place.directory); }
  const KeyOctets written = write_key_record({MessageId{0}, at(1), key_of('z')});
  write_file(place.file, header + std::string(written.octets.begin(), written.octets.end()));
  CHECK(KeyFile(place.directory).kept().empty());
}

TEST_CASE("the file gives back what nobody needs, once it is synced") {
  const Place place;
  KeyFile keys(place.directory);
  for (int id = 1; id <= 1000; ++id) keys.put(MessageId{id}, at(1), key_of('a'));
  keys.sync();
  CHECK(keys.octets() == 64 * 1001);
  for (int id = 3; id <= 1000; ++id) keys.destroy(MessageId{id});
  CHECK(place.octets().size() == 64 * 1001);
  CHECK(place.octets().substr(192) == std::string(std::size_t{64} * 998, '\0'));
  keys.sync();
  CHECK(place.octets().size() == 64 * 3);
  CHECK(keys.octets() == 64 * 3);
  keys.put(MessageId{2000}, at(2), key_of('b'));
  CHECK(place.octets().size() == 64 * 4);
  CHECK(keys.get(MessageId{1}) == key_of('a'));
  CHECK(keys.get(MessageId{2000}) == key_of('b'));
}

TEST_CASE("steady use does not make the file grow") {
  const Place place;
  KeyFile keys(place.directory);
  for (int id = 1; id <= 2000; ++id) {
    keys.put(MessageId{id}, at(1), key_of('a'));
    if (id > 50) keys.destroy(MessageId{id - 50});
  }
  CHECK(place.octets().size() <= 64 * 52);
  CHECK(keys.octets() == place.octets().size());
}

TEST_CASE("what is no file of keys is refused by what is wrong with it, and left as it is") {
  const Place place;
  fs::create_directory(place.directory);
  fs::permissions(place.directory, fs::perms::owner_all);
  std::string words;
  SUBCASE("empty") { words = "is no file of keys"; }
  SUBCASE("foreign") {
    write_file(place.file, std::string(1000, 'x'));
    words = "is no file of keys";
  }
  SUBCASE("short") {
    write_file(place.file, header.substr(0, 63));
    words = "is no file of keys";
  }
  SUBCASE("newer") {
    write_file(place.file, "Cordon's keys 2\n" + std::string(1000, 'x'));
    words = "made by a newer Cordon";
  }
  SUBCASE("readable by others") {
    write_file(place.file, header);
    fs::permissions(place.file, fs::perms::group_read, fs::perm_options::add);
    words = "may be read by others; take that away: chmod 600 " + place.file.string();
  }
  if (!fs::exists(place.file)) write_file(place.file, "");
  const std::string before = place.octets();
  CHECK(contains(place.refusal(), place.file.string() + ": " + words));
  CHECK(place.octets() == before);
}

TEST_CASE("a link in the place of the file is not followed") {
  const Place place;
  fs::create_directory(place.directory);
  fs::permissions(place.directory, fs::perms::owner_all);
  const fs::path other = place.outside.path() / "other";
  write_file(other, header);
  fs::create_symlink(other, place.file);
  CHECK(contains(place.refusal(), "is a symbolic link"));
  fs::remove(place.file);
  fs::create_directory(place.file);
  CHECK(contains(place.refusal(), "cannot be opened: Is a directory"));
}

TEST_CASE("a directory that others may enter, or that is not for keys, is refused untouched") {
  const Place place;
  fs::create_directory(place.directory);
  std::string words;
  SUBCASE("others") {
    fs::permissions(place.directory, fs::perms(0750));
    words = "may be entered by others; take that away: chmod 700 " + place.directory.string();
  }
  SUBCASE("other things") {
    fs::permissions(place.directory, fs::perms::owner_all);
    write_file(place.directory / "cordon.db", "x");
    words = "has other things in it, such as cordon.db; keys need a directory of their own";
  }
  CHECK(contains(place.refusal(), place.directory.string() + ": " + words));
  CHECK_FALSE(fs::exists(place.directory / "CACHEDIR.TAG"));
  CHECK_FALSE(fs::exists(place.file));
}

TEST_CASE("what a start that died left behind does no harm") {
  const Place place;
  fs::create_directory(place.directory);
  fs::permissions(place.directory, fs::perms::owner_all);
  write_file(place.directory / "cordon.keys.new", "Cordon");
  write_file(place.directory / "CACHEDIR.TAG", "Signature: ");
  const KeyFile keys(place.directory);
  CHECK(place.octets() == header);
  CHECK_FALSE(fs::exists(place.directory / "cordon.keys.new"));
}

TEST_CASE("two at once are refused") {
  const Place place;
  const KeyFile keys(place.directory);
  CHECK(contains(place.refusal(), "in use by another process"));
}

TEST_CASE("what is put while space is given back stays") {
  const Place place;
  KeyFile keys(place.directory);
  std::atomic<bool> done{false};
  auto syncing = std::async(std::launch::async, [&] {
    while (!done) keys.sync();
  });
  constexpr int rounds = 40;
  constexpr int each = 200;
  int lost = 0;
  for (int round = 0; round < rounds; ++round) {
    for (int i = 1; i <= each; ++i) keys.put(MessageId{i}, at(i), key_of('a'));
    for (int i = 1; i <= each; ++i) lost += keys.get(MessageId{i}) == key_of('a') ? 0 : 1;
    for (int i = 1; i <= each; ++i) keys.destroy(MessageId{i});
  }
  done = true;
  syncing.get();
  CHECK(lost == 0);
}

TEST_CASE("many threads at once, and syncs beside them") {
  const Place place;
  KeyFile keys(place.directory);
  constexpr int threads = 4;
  constexpr int each = 500;
  std::vector<std::future<void>> all;
  all.reserve(threads);
  for (int thread = 0; thread < threads; ++thread) {
    all.push_back(std::async(std::launch::async, [&keys, thread] {
      for (int i = 1; i <= each; ++i) {
        const MessageId id{thread * each + i};
        const MessageKey key = key_of(static_cast<char>('a' + (thread * each + i) % 26));
        keys.put(id, at(i), key);
        if (keys.get(id) != key) throw std::logic_error("not what was put");
        if (i % 10 != 0) keys.destroy(id);
        if (i % 100 == 0) keys.sync();
      }
    }));
  }
  for (auto& one : all) one.get();
  keys.sync();
  CHECK(keys.kept().size() == threads * each / 10);
  for (const MessageId id : keys.kept()) {
    CHECK(keys.get(id) == key_of(static_cast<char>('a' + static_cast<int>(id) % 26)));
  }
}

}  // namespace
}  // namespace cordon::store
