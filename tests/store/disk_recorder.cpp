#include "disk_recorder.h"

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>

#include "disk_hooks.h"
#include "disk_recording.h"

namespace cordon::store::disk {
namespace {

// All constant-initialized: the first calls come before this program's constructors.
constexpr int max_descriptors = 65536;
constexpr int not_recorded = -1;
constinit std::mutex mutex;
constinit std::atomic<bool> recording{false};
constinit std::array<std::atomic<int>, max_descriptors> file_plus_one{};  // by descriptor
Recording* the_recording = nullptr;                                       // guarded by mutex

FileNumber file_of(int descriptor) {
  if (descriptor < 0 || descriptor >= max_descriptors) return not_recorded;
  return file_plus_one[static_cast<std::size_t>(descriptor)].load() - 1;
}

void note_descriptor(int descriptor, FileNumber file) {
  if (descriptor >= max_descriptors) std::abort();
  the_recording->failures_told[descriptor] = the_recording->failures[file];
  file_plus_one[static_cast<std::size_t>(descriptor)] = file + 1;
}

void note(Event event) { the_recording->log.events.push_back(std::move(event)); }

// "" is the directory itself; nothing: not ours.
std::optional<std::string> name_of(const char* path) {
  const std::string_view directory = the_recording->directory;
  std::string_view rest(path);
  if (!rest.starts_with(directory)) return std::nullopt;
  rest.remove_prefix(directory.size());
  if (rest.empty()) return "";
  if (rest.front() != '/' || rest.ends_with("-shm")) return std::nullopt;
  return std::string(rest.substr(1));
}

}  // namespace

bool is_recorded(int descriptor) { return file_of(descriptor) != not_recorded; }

void forget_descriptor(int descriptor) {
  if (is_recorded(descriptor)) file_plus_one[static_cast<std::size_t>(descriptor)] = 0;
}

// The order of the log is that of the writes: both happen under the lock.
ssize_t write_recorded(int descriptor, const void* data, std::size_t octets, std::uint64_t offset,
                       const WriteCall& call) {
  const std::lock_guard lock(mutex);
  const FileNumber file = file_of(descriptor);
  const Recording::Fate fate = the_recording->fate_of_write(file, octets);
  ssize_t written = 0;
  if (fate.octets > 0) {
    the_recording->remember(descriptor, file, offset, fate.octets);
    written = call(fate.octets);
    if (written < 0) return written;
    ++the_recording->writes_done[file];
    note(
        Written{file, offset, {static_cast<const char*>(data), static_cast<std::size_t>(written)}});
  }
  if (fate.error == 0) return written;
  errno = fate.error;
  return -1;
}

int resize_recorded(int descriptor, std::uint64_t size, const Call& call) {
  const std::lock_guard lock(mutex);
  const FileNumber file = file_of(descriptor);
  if (const Recording::Fate fate = the_recording->fate_of_write(file, 1); fate.octets == 0) {
    errno = fate.error != 0 ? fate.error : EIO;
    return -1;
  }
  const std::uint64_t before = size_of(descriptor);
  if (size < before) {
    the_recording->remember(descriptor, file, size, static_cast<std::size_t>(before - size));
  } else {
    the_recording->remember(descriptor, file, before, 0);
  }
  const int result = call();
  if (result == 0) note(Resized{file, size});
  return result;
}

int allocate_recorded(int descriptor, int mode, std::uint64_t offset, std::uint64_t octets,
                      const Call& call) {
  const std::lock_guard lock(mutex);
  const FileNumber file = file_of(descriptor);
  if (const Recording::Fate fate = the_recording->fate_of_write(file, 1); fate.octets == 0) {
    return fate.error != 0 ? fate.error : EIO;
  }
  const std::uint64_t before = size_of(descriptor);
  const bool zeroes = (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) != 0;
  the_recording->remember(descriptor, file, zeroes ? offset : before,
                          zeroes ? static_cast<std::size_t>(octets) : 0);
  const int error = call();
  if (error != 0) return error;
  if (zeroes) note(Zeroed{file, offset, octets});
  const std::uint64_t after = size_of(descriptor);
  if (after != before) note(Resized{file, after});
  return 0;
}

int sync_recorded(int descriptor, const Call& call) {
  std::unique_lock lock(mutex);
  Recording& r = *the_recording;
  const FileNumber file = file_of(descriptor);
  const std::uint64_t sync = ++r.syncs;
  const std::size_t begun = r.log.events.size();
  note(SyncBegun{file, sync});
  if (r.sync_fails(file)) {
    r.failures_told[descriptor] = ++r.failures[file];
    const bool lose = r.fault->kind == FaultKind::sync_error_losing_pages;
    if (lose) r.lose_pages(descriptor, file);
    note(SyncEnded{file, sync, lose ? SyncOutcome::dropped : SyncOutcome::failed});
    errno = EIO;
    return -1;
  }
  lock.unlock();
  const int result = call();
  lock.lock();
  // Another's failure, now or since the last sync of this descriptor: nothing is promised, but what
  // is written and not synced has not become worse by it.
  if (result != 0 ||
      std::exchange(r.failures_told[descriptor], r.failures[file]) != r.failures[file]) {
    if (result == 0) errno = EIO;
    return -1;
  }
  note(SyncEnded{file, sync, SyncOutcome::kept});
  ++r.syncs_done[file];
  std::erase_if(r.undos[file], [&](const Recording::Undo& undo) { return undo.position < begun; });
  return 0;
}

int open_recorded(const char* path, int flags, const Call& call) {
  if (!recording) return call();
  const std::lock_guard lock(mutex);
  const auto name = name_of(path);
  const int descriptor = call();
  if (!name || descriptor < 0) return descriptor;
  if (name->empty()) {
    note_descriptor(descriptor, the_directory);
    return descriptor;
  }
  const auto [entry, made] = the_recording->names.try_emplace(*name, the_recording->files + 1);
  if (made) {
    ++the_recording->files;
    note(Created{entry->second, *name});
  } else if ((flags & O_TRUNC) != 0) {
    note(Resized{entry->second, 0});
  }
  note_descriptor(descriptor, entry->second);
  return descriptor;
}

int unlink_recorded(const char* path, const Call& call) {
  if (!recording) return call();
  const std::lock_guard lock(mutex);
  const auto name = name_of(path);
  const int result = call();
  if (!name || result != 0) return result;
  const auto entry = the_recording->names.find(*name);
  if (entry == the_recording->names.end()) return result;
  note(Unlinked{entry->second, *name});
  the_recording->names.erase(entry);
  return result;
}

int rename_recorded(const char* from, const char* to, const Call& call) {
  if (!recording) return call();
  const std::lock_guard lock(mutex);
  const auto old_name = name_of(from);
  const auto new_name = name_of(to);
  const int result = call();
  if (!old_name || !new_name || result != 0) return result;
  auto& names = the_recording->names;
  const FileNumber file = names.at(*old_name);
  names.erase(*old_name);
  names[*new_name] = file;
  note(Renamed{file, *old_name, *new_name});
  return result;
}

Recorder::Recorder(const std::filesystem::path& directory) {
  auto fresh = std::make_unique<Recording>();
  fresh->directory = std::filesystem::canonical(directory).string();
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with("-shm")) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    fresh->names[name] = ++fresh->files;
    fresh->log.contents[fresh->files] = {std::istreambuf_iterator<char>(file), {}};
  }
  fresh->log.names = fresh->names;
  const std::lock_guard lock(mutex);
  if (the_recording != nullptr) std::abort();
  the_recording = fresh.release();
  recording = true;
}

Recorder::~Recorder() { stop(); }

Log Recorder::stop() {
  const std::lock_guard lock(mutex);
  if (the_recording == nullptr) return {};
  const std::unique_ptr<Recording> old(std::exchange(the_recording, nullptr));
  recording = false;
  for (auto& file : file_plus_one) file = 0;
  return std::move(old->log);
}

std::size_t Recorder::position() const {
  const std::lock_guard lock(mutex);
  return the_recording->log.events.size();
}

Log Recorder::so_far() const {
  const std::lock_guard lock(mutex);
  return the_recording->log;
}

void Recorder::fail(const Fault& fault) {
  const std::lock_guard lock(mutex);
  the_recording->fault = fault;
  the_recording->calls = 0;
  the_recording->fault_position.reset();
  the_recording->full_next = false;
}

void Recorder::end_fault() {
  const std::lock_guard lock(mutex);
  the_recording->fault.reset();
  the_recording->full_next = false;
}

std::optional<std::size_t> Recorder::fault_position() const {
  const std::lock_guard lock(mutex);
  return the_recording->fault_position;
}

std::uint64_t Recorder::syncs_of(const std::string& name) const {
  const std::lock_guard lock(mutex);
  return the_recording->syncs_done[the_recording->names.at(name)];
}

std::uint64_t Recorder::writes_to(const std::string& name) const {
  const std::lock_guard lock(mutex);
  return the_recording->writes_done[the_recording->names.at(name)];
}

}  // namespace cordon::store::disk
