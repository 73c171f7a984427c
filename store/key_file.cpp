#include "store/key_file.h"

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cordon::store {
namespace {

namespace fs = std::filesystem;

constexpr const char* unfinished_name = "cordon.keys.new";
constexpr const char* tag_name = "CACHEDIR.TAG";
constexpr std::string_view tag =
    "Signature: 8a477f597d28d172789f06886806bc55\n"
    "# Keys that open the credentials of mail which waits. They live for hours, and belong into "
    "no\n"
    "# backup: beside one of the database they would open those for good.\n"
    "# About such tags: https://bford.info/cachedir\n";

constexpr std::string_view magic = "Cordon's keys 1\n";
constexpr std::size_t version_at = 14;  // in magic
constexpr std::size_t header_octets = key_record_octets;
constexpr std::uint32_t spare_slots = 64;  // a page: fewer are not given back

using Header = std::array<char, header_octets>;

std::string system_words() { return std::generic_category().message(errno); }

[[noreturn]] void refuse(const fs::path& path, const std::string& why) {
  throw OpenError(path.string() + ": " + why);
}

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

off_t offset_of(Slot slot) {
  return static_cast<off_t>(header_octets + static_cast<std::uint64_t>(slot) * key_record_octets);
}

bool write_all(const File& file, const void* from, std::size_t octets, off_t at) {
  const auto* next = static_cast<const char*>(from);
  while (octets > 0) {
    const auto written = ::pwrite(file.descriptor(), next, octets, at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    next += written;
    at += written;
    octets -= static_cast<std::size_t>(written);
  }
  return true;
}

// How many there were before the end of the file.
std::size_t read_all(const File& file, void* to, std::size_t octets, off_t at) {
  auto* next = static_cast<char*>(to);
  std::size_t got = 0;
  while (got < octets) {
    const auto read =
        ::pread(file.descriptor(), next + got, octets - got, at + static_cast<off_t>(got));
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) fail("pread");
    if (read == 0) break;
    got += static_cast<std::size_t>(read);
  }
  return got;
}

unsigned mode_of(const File& file, const fs::path& path) {
  struct stat facts {};
  if (::fstat(file.descriptor(), &facts) != 0) refuse(path, system_words());
  return facts.st_mode;
}

bool others_may(unsigned mode) { return (mode & 077U) != 0; }

// Of a directory that had something in it before, nobody said that no backup needs it.
void check_is_ours(const fs::path& directory) {
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name != tag_name && name != unfinished_name && name != "lost+found") {
      refuse(directory,
             "has other things in it, such as " + name + "; keys need a directory of their own");
    }
  }
}

void make_directory(const fs::path& directory) {
  if (directory.has_parent_path()) fs::create_directories(directory.parent_path());
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    refuse(directory, "cannot be made: " + system_words());
  }
  const File opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.is_open()) refuse(directory, "cannot be opened: " + system_words());
  if (others_may(mode_of(opened, directory))) {
    refuse(directory, "may be entered by others; take that away: chmod 700 " + directory.string());
  }
  if (!KeyFile::is_in(directory)) check_is_ours(directory);
}

File make_new(const fs::path& path) {
  return File(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
}

// Backup programs look for it; without it they only save what they need not.
void write_tag(const fs::path& directory) {
  const File file = make_new(directory / tag_name);
  if (file.is_open()) write_all(file, tag.data(), tag.size(), 0);
}

// Under another name first, so that a file with its own name always has its header.
void make_file(const fs::path& directory, const fs::path& path) {
  const fs::path unfinished = directory / unfinished_name;
  ::unlink(unfinished.c_str());
  const File file = make_new(unfinished);
  Header header{};
  std::copy(magic.begin(), magic.end(), header.begin());
  if (!file.is_open() || !write_all(file, header.data(), header.size(), 0) ||
      ::fsync(file.descriptor()) != 0 || ::rename(unfinished.c_str(), path.c_str()) != 0) {
    refuse(path, "cannot be made: " + system_words());
  }
  sync_directory(directory);
}

void check_header(const File& file, const fs::path& path) {
  Header header{};
  const bool whole = read_all(file, header.data(), header.size(), 0) == header.size();
  const std::string_view begin(header.data(), magic.size());
  const bool known = begin.substr(0, version_at) == magic.substr(0, version_at);
  if (!whole || !known) refuse(path, "is no file of keys, or its header is damaged");
  if (begin[version_at] != magic[version_at]) refuse(path, "made by a newer Cordon");
}

File open_file(const fs::path& directory) {
  const fs::path path = directory / keys_name;
  make_directory(directory);
  write_tag(directory);
  if (!KeyFile::is_in(directory)) make_file(directory, path);
  File file(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  if (!file.is_open()) {
    refuse(path, errno == ELOOP ? "is a symbolic link" : "cannot be opened: " + system_words());
  }
  const unsigned mode = mode_of(file, path);
  if (!S_ISREG(mode)) refuse(path, "is no file");
  if (others_may(mode)) {
    refuse(path, "may be read by others; take that away: chmod 600 " + path.string());
  }
  if (::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    refuse(path, errno == EWOULDBLOCK ? "in use by another process" : system_words());
  }
  check_header(file, path);
  return file;
}

File open_or_refuse(const fs::path& directory) {
  try {
    return open_file(directory);
  } catch (const std::system_error& failure) {
    refuse(directory, failure.code().message());
  }
}

}  // namespace

bool KeyFile::is_in(const fs::path& directory) {
  struct stat facts {};
  return ::lstat((directory / keys_name).c_str(), &facts) == 0;
}

KeyFile::KeyFile(const fs::path& directory) : file_(open_or_refuse(directory)) {
  try {
    read_records();
  } catch (const std::system_error& failure) {
    refuse(directory / keys_name, "cannot be read: " + failure.code().message());
  }
}

// What grew by less than a record before a crash does not count.
void KeyFile::read_records() {
  KeyOctets octets;
  for (; read_record(Slot{slots_}, octets); ++slots_) {
    const Slot slot{slots_};
    free_.add(slot);
    if (const auto record = read_key_record(octets)) {
      take(*record, slot);
    } else if (!octets.free()) {
      clear(slot);
    }
  }
}

bool KeyFile::read_record(Slot slot, KeyOctets& octets) const {
  return read_all(file_, octets.octets.data(), key_record_octets, offset_of(slot)) ==
         key_record_octets;
}

// Of two for one message, as no crash leaves them, the newer.
void KeyFile::take(const KeyRecord& record, Slot slot) {
  const auto [place, fresh] = places_.try_emplace(record.message, Place{slot, record.made});
  if (!fresh) {
    if (record.made < place->second.made) return clear(slot);
    const Slot older = std::exchange(place->second, Place{slot, record.made}).slot;
    clear(older);
    used_.remove(older);
    free_.add(older);
  }
  free_.remove(slot);
  used_.add(slot);
}

void KeyFile::write(Slot slot, const KeyOctets& octets) {
  changed_ = true;
  touched_ = std::max(touched_, static_cast<std::uint32_t>(slot) + 1);
  if (write_all(file_, octets.octets.data(), key_record_octets, offset_of(slot))) return;
  const int error = errno;
  distrusted_ = true;
  errno = error;
  fail("pwrite");
}

void KeyFile::clear(Slot slot) { write(slot, KeyOctets()); }

void KeyFile::put(MessageId message, WallTime made, const MessageKey& key) {
  const std::lock_guard lock(mutex_);
  const auto known = places_.find(message);
  if (known == places_.end() && free_.size() == 0) free_.add(Slot{slots_++});
  const Slot slot = known == places_.end() ? *free_.lowest() : known->second.slot;
  if (known != places_.end()) forget(known);
  write(slot, write_key_record({message, made, key}));
  places_.emplace(message, Place{slot, made});
  free_.remove(slot);
  used_.add(slot);
}

std::optional<MessageKey> KeyFile::get(MessageId message) const {
  const std::lock_guard lock(mutex_);
  const auto known = places_.find(message);
  KeyOctets octets;
  if (known == places_.end() || !read_record(known->second.slot, octets)) return std::nullopt;
  const auto record = read_key_record(octets);
  if (!record || record->message != message) return std::nullopt;
  return record->key;
}

bool KeyFile::holds(MessageId message) const {
  const std::lock_guard lock(mutex_);
  return places_.contains(message);
}

std::vector<MessageId> KeyFile::kept(WallTime made_before) const {
  std::vector<MessageId> ids;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [message, place] : places_) {
      if (place.made < made_before) ids.push_back(message);
    }
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

KeyFile::Places::iterator KeyFile::forget(Places::iterator place) {
  used_.remove(place->second.slot);
  free_.add(place->second.slot);
  return places_.erase(place);
}

void KeyFile::destroy(MessageId message) {
  const std::lock_guard lock(mutex_);
  const auto known = places_.find(message);
  if (known == places_.end()) return;
  clear(known->second.slot);
  forget(known);
}

void KeyFile::none_later_than(WallTime now) {
  const std::lock_guard lock(mutex_);
  for (auto& [message, place] : places_) place.made = std::min(place.made, now);
}

std::vector<MessageId> KeyFile::destroy_older(WallTime made_before) {
  std::vector<MessageId> ids;
  const std::lock_guard lock(mutex_);
  for (auto place = places_.begin(); place != places_.end();) {
    const MessageId message = place->first;
    try {
      if (place->second.made < made_before) {
        clear(place->second.slot);
        place = forget(place);
        ids.push_back(message);
        continue;
      }
    } catch (const std::system_error&) {
    }
    ++place;
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

// A key behind the new end must be overwritten on the disk before its space is given back: what is
// cut off first is never written. So only what nobody touched since the sync began is cut.
void KeyFile::sync() {
  const std::lock_guard one_at_a_time(syncing_);
  std::uint32_t end = 0;
  {
    const std::lock_guard lock(mutex_);
    if (!changed_) return;
    // After a failed sync the system may have dropped what it could not write (fsync(2)).
    for (std::uint32_t slot = 0; distrusted_ && slot < slots_; ++slot) {
      if (free_.has(Slot{slot})) clear(Slot{slot});
    }
    distrusted_ = false;
    changed_ = false;
    touched_ = 0;
    end = static_cast<std::uint32_t>(used_.end());
  }
  const bool synced = ::fdatasync(file_.descriptor()) == 0;
  const int error = errno;
  const std::lock_guard lock(mutex_);
  if (!synced) {
    distrusted_ = true;
    changed_ = true;
    errno = error;
    fail("fdatasync");
  }
  cut_to(std::max(end, touched_));
}

void KeyFile::cut_to(std::uint32_t end) noexcept {
  if (end + spare_slots > slots_ || ::ftruncate(file_.descriptor(), offset_of(Slot{end})) != 0)
    return;
  free_.cut(end);
  slots_ = end;
}

std::uint64_t KeyFile::octets() const {
  const std::lock_guard lock(mutex_);
  return static_cast<std::uint64_t>(offset_of(Slot{slots_}));
}

}  // namespace cordon::store
