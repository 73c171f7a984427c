// The part of faults.cpp that makes allocations fail, in the threads that write to the watched
// directory. Not built with a sanitizer, whose own allocator cannot be stood in front of.
#include <cerrno>
#include <cstddef>

#include "faults.h"

// glibc's own, under names that stay (its malloc/malloc.c): dlsym itself may allocate.
extern "C" {
// NOLINTBEGIN(clang-diagnostic-reserved-identifier)
void* __libc_malloc(std::size_t octets);
void* __libc_calloc(std::size_t count, std::size_t octets);
void* __libc_realloc(void* old, std::size_t octets);
// NOLINTEND(clang-diagnostic-reserved-identifier)
}

namespace {

std::atomic<std::int64_t> seen{0};

bool fails(std::size_t octets) {
  if (!cordon::faults::thread_writes()) return false;
  auto& now = cordon::faults::orders();
  const auto every = now.memory_every.load();
  if (every == 0 || static_cast<std::int64_t>(octets) < now.memory_least) return false;
  if (++seen % every != 0) return false;
  ++now.memory_failed;
  errno = ENOMEM;
  return true;
}

}  // namespace

extern "C" {

void* malloc(std::size_t octets) { return fails(octets) ? nullptr : __libc_malloc(octets); }

void* calloc(std::size_t count, std::size_t octets) {
  return fails(count * octets) ? nullptr : __libc_calloc(count, octets);
}

void* realloc(void* old, std::size_t octets) {
  return fails(octets) ? nullptr : __libc_realloc(old, octets);
}

}  // extern "C"
