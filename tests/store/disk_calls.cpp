// libc's calls that change files, as this program and its libraries see them.
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <string>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "disk_hooks.h"

namespace disk = cordon::store::disk;

namespace {

using Open = int (*)(const char*, int, ...);
using OpenAt = int (*)(int, const char*, int, ...);
using Write = ssize_t (*)(int, const void*, std::size_t);
using WriteAt = ssize_t (*)(int, const void*, std::size_t, off_t);
using WriteVector = ssize_t (*)(int, const iovec*, int, off_t);
using Truncate = int (*)(int, off_t);
using Allocate = int (*)(int, int, off_t, off_t);
using AllocatePlainly = int (*)(int, off_t, off_t);
using OfDescriptor = int (*)(int);
using OfPath = int (*)(const char*);
using OfTwoPaths = int (*)(const char*, const char*);

mode_t mode_of(int flags, va_list arguments) {
  const bool has_mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
  return has_mode ? va_arg(arguments, mode_t) : 0;
}

ssize_t write_at(WriteAt real, int descriptor, const void* data, std::size_t octets, off_t offset) {
  if (!disk::is_recorded(descriptor)) return real(descriptor, data, octets, offset);
  return disk::write_recorded(
      descriptor, data, octets, static_cast<std::uint64_t>(offset),
      [&](std::size_t some) { return real(descriptor, data, some, offset); });
}

int truncate_to(Truncate real, int descriptor, off_t size) {
  if (!disk::is_recorded(descriptor)) return real(descriptor, size);
  return disk::resize_recorded(descriptor, static_cast<std::uint64_t>(size),
                               [&] { return real(descriptor, size); });
}

int allocate(Allocate real, int descriptor, int mode, off_t offset, off_t octets) {
  if (!disk::is_recorded(descriptor)) return real(descriptor, mode, offset, octets);
  const int error = disk::allocate_recorded(
      descriptor, mode, static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(octets),
      [&] { return real(descriptor, mode, offset, octets) == 0 ? 0 : errno; });
  if (error != 0) errno = error;
  return error == 0 ? 0 : -1;
}

int allocate_plainly(AllocatePlainly real, int descriptor, off_t offset, off_t octets) {
  if (!disk::is_recorded(descriptor)) return real(descriptor, offset, octets);
  return disk::allocate_recorded(descriptor, 0, static_cast<std::uint64_t>(offset),
                                 static_cast<std::uint64_t>(octets),
                                 [&] { return real(descriptor, offset, octets); });
}

int sync(OfDescriptor real, int descriptor) {
  if (!disk::is_recorded(descriptor)) return real(descriptor);
  return disk::sync_recorded(descriptor, [&] { return real(descriptor); });
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  static const auto real = disk::next<Open>("open");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return disk::open_recorded(path, flags, [&] { return real(path, flags, mode); });
}

int open64(const char* path, int flags, ...) {
  static const auto real = disk::next<Open>("open64");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return disk::open_recorded(path, flags, [&] { return real(path, flags, mode); });
}

// Recorded only with an absolute path.
int openat(int directory, const char* path, int flags, ...) {
  static const auto real = disk::next<OpenAt>("openat");
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return disk::open_recorded(path, flags, [&] { return real(directory, path, flags, mode); });
}

int creat(const char* path, mode_t mode) { return open(path, O_WRONLY | O_CREAT | O_TRUNC, mode); }

int close(int descriptor) {
  static const auto real = disk::next<OfDescriptor>("close");
  disk::forget_descriptor(descriptor);
  return real(descriptor);
}

ssize_t write(int descriptor, const void* data, std::size_t octets) {
  static const auto real = disk::next<Write>("write");
  if (!disk::is_recorded(descriptor)) return real(descriptor, data, octets);
  const bool appends = (::fcntl(descriptor, F_GETFL) & O_APPEND) != 0;
  const off_t offset = ::lseek(descriptor, 0, appends ? SEEK_END : SEEK_CUR);
  return disk::write_recorded(descriptor, data, octets, static_cast<std::uint64_t>(offset),
                              [&](std::size_t some) { return real(descriptor, data, some); });
}

ssize_t pwrite(int descriptor, const void* data, std::size_t octets, off_t offset) {
  static const auto real = disk::next<WriteAt>("pwrite");
  return write_at(real, descriptor, data, octets, offset);
}

ssize_t pwrite64(int descriptor, const void* data, std::size_t octets, off_t offset) {
  static const auto real = disk::next<WriteAt>("pwrite64");
  return write_at(real, descriptor, data, octets, offset);
}

ssize_t pwritev(int descriptor, const iovec* parts, int count, off_t offset) {
  static const auto real = disk::next<WriteVector>("pwritev");
  if (!disk::is_recorded(descriptor)) return real(descriptor, parts, count, offset);
  std::string all;
  for (const iovec* part = parts; part != parts + count; ++part) {
    all.append(static_cast<const char*>(part->iov_base), part->iov_len);
  }
  return pwrite(descriptor, all.data(), all.size(), offset);
}

int ftruncate(int descriptor, off_t size) noexcept {
  static const auto real = disk::next<Truncate>("ftruncate");
  return truncate_to(real, descriptor, size);
}

int ftruncate64(int descriptor, off_t size) noexcept {
  static const auto real = disk::next<Truncate>("ftruncate64");
  return truncate_to(real, descriptor, size);
}

int fallocate(int descriptor, int mode, off_t offset, off_t octets) {
  static const auto real = disk::next<Allocate>("fallocate");
  return allocate(real, descriptor, mode, offset, octets);
}

int fallocate64(int descriptor, int mode, off_t offset, off_t octets) {
  static const auto real = disk::next<Allocate>("fallocate64");
  return allocate(real, descriptor, mode, offset, octets);
}

int posix_fallocate(int descriptor, off_t offset, off_t octets) {
  static const auto real = disk::next<AllocatePlainly>("posix_fallocate");
  return allocate_plainly(real, descriptor, offset, octets);
}

int posix_fallocate64(int descriptor, off_t offset, off_t octets) {
  static const auto real = disk::next<AllocatePlainly>("posix_fallocate64");
  return allocate_plainly(real, descriptor, offset, octets);
}

// sync_file_range(2) promises nothing about what survives ("extremely dangerous"): not recorded.

int fsync(int descriptor) {
  static const auto real = disk::next<OfDescriptor>("fsync");
  return sync(real, descriptor);
}

int fdatasync(int descriptor) {
  static const auto real = disk::next<OfDescriptor>("fdatasync");
  return sync(real, descriptor);
}

int unlink(const char* path) noexcept {
  static const auto real = disk::next<OfPath>("unlink");
  return disk::unlink_recorded(path, [&] { return real(path); });
}

int remove(const char* path) noexcept {
  static const auto real = disk::next<OfPath>("remove");
  return disk::unlink_recorded(path, [&] { return real(path); });
}

int rename(const char* from, const char* to) noexcept {
  static const auto real = disk::next<OfTwoPaths>("rename");
  return disk::rename_recorded(from, to, [&] { return real(from, to); });
}

}  // extern "C"
