#include "disk_recording.h"

#include <cerrno>
#include <cstdlib>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "disk_hooks.h"

namespace cordon::store::disk {
namespace {

bool is_of_syncs(FaultKind kind) { return kind >= FaultKind::sync_error; }

}  // namespace

std::uint64_t size_of(int descriptor) {
  struct stat status {};
  return ::fstat(descriptor, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

bool Recording::has_name(FileNumber file, const std::string& name) const {
  const auto entry = names.find(name);
  return entry != names.end() && entry->second == file;
}

// Counts the calls that the fault is about, and says whether this is one that fails.
bool Recording::strikes(FileNumber file) {
  if (!fault->only.empty() && !has_name(file, fault->only)) return false;
  if (has_name(file, fault->never)) return false;
  const std::uint64_t call = calls++;
  if (call < fault->call || call - fault->call >= fault->times) return false;
  if (!fault_position) fault_position = log.events.size();
  return true;
}

Recording::Fate Recording::fate_of_write(FileNumber file, std::size_t octets) {
  if (std::exchange(full_next, false)) return {0, ENOSPC};
  if (!fault || is_of_syncs(fault->kind) || !strikes(file)) return {octets, 0};
  if (fault->kind == FaultKind::write_error) return {octets / 2, EIO};
  if (fault->kind == FaultKind::write_short && octets > 1) {
    full_next = true;
    return {octets / 2, 0};
  }
  return {0, ENOSPC};
}

bool Recording::sync_fails(FileNumber file) {
  return fault && is_of_syncs(fault->kind) && strikes(file);
}

void Recording::remember(int descriptor, FileNumber file, std::uint64_t offset,
                         std::size_t octets) {
  Undo undo{log.events.size(), offset, std::string(octets, '\0'), size_of(descriptor)};
  const auto read = ::pread(descriptor, undo.bytes.data(), octets, static_cast<off_t>(offset));
  undo.bytes.resize(read > 0 ? static_cast<std::size_t>(read) : 0);
  undos[file].push_back(std::move(undo));
}

void Recording::lose_pages(int descriptor, FileNumber file) {
  static const auto write = next<ssize_t (*)(int, const void*, std::size_t, off_t)>("pwrite");
  static const auto truncate = next<int (*)(int, off_t)>("ftruncate");
  const std::vector<Undo> lost = std::exchange(undos[file], {});
  for (auto undo = lost.rbegin(); undo != lost.rend(); ++undo) {
    const auto octets = static_cast<ssize_t>(undo->bytes.size());
    if (write(descriptor, undo->bytes.data(), undo->bytes.size(),
              static_cast<off_t>(undo->offset)) != octets ||
        truncate(descriptor, static_cast<off_t>(undo->size)) != 0) {
      std::abort();
    }
  }
}

}  // namespace cordon::store::disk
