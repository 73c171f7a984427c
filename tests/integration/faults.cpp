// A library for LD_PRELOAD that gives a program a device that fails, a clock that jumps and, with
// faults_memory.cpp, allocations that fail: on order of a test, while the program runs.
//
// CORDON_FAULTS names the file of the orders (faults.h), CORDON_FAULTS_UNDER the directory whose
// files are on the failing device. A call that fails does nothing but set errno.
#include "faults.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

namespace cordon::faults {
namespace {

Orders none{};
std::atomic<Orders*> given{&none};
std::array<char, 4096> directory{};
std::atomic<std::int64_t> io_calls_seen{0};

// initial-exec: found without a call that could allocate, since malloc asks for it.
[[gnu::tls_model("initial-exec")]] thread_local bool writes_now = false;

[[gnu::constructor]] void take_orders() {
  const char* file = std::getenv("CORDON_FAULTS");
  const char* under = std::getenv("CORDON_FAULTS_UNDER");
  if (file == nullptr || under == nullptr || std::strlen(under) + 2 > directory.size()) return;
  std::snprintf(directory.data(), directory.size(), "%s/", under);
  const int descriptor = ::open(file, O_RDWR | O_CLOEXEC);
  if (descriptor < 0) std::abort();  // a test that orders nothing would prove nothing
  void* page = ::mmap(nullptr, sizeof(Orders), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  ::close(descriptor);
  if (page == MAP_FAILED) std::abort();
  given.store(static_cast<Orders*>(page));
}

bool watched(int descriptor) {
  std::array<char, 32> link{};
  std::array<char, 4096> name{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", descriptor);
  const int kept = errno;
  const auto octets = ::readlink(link.data(), name.data(), name.size());
  errno = kept;
  const std::string_view prefix(directory.data());
  return octets > 0 && !prefix.empty() &&
         std::string_view(name.data(), static_cast<std::size_t>(octets)).substr(0, prefix.size()) ==
             prefix;
}

// The errno that this call shall fail with; 0: it is to be carried out.
int fault(int descriptor, Calls kind) {
  if (descriptor < 0) return 0;
  Orders& now = orders();
  if (kind == writes) {
    // Asked for only while memory fails: looking up a name costs a system call.
    if (now.memory_every == 0)
      writes_now = false;
    else if (!writes_now && watched(descriptor))
      writes_now = true;
  }
  const auto error = static_cast<int>(now.io_error.load());
  if (error == 0 || (now.io_calls & kind) == 0 || !watched(descriptor)) return 0;
  if (++io_calls_seen % now.io_every != 0) return 0;
  ++now.io_failed;
  return error;
}

bool fails(int descriptor, Calls kind) {
  const int error = fault(descriptor, kind);
  if (error != 0) errno = error;
  return error != 0;
}

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

std::int64_t ahead() { return orders().clock_ahead; }

}  // namespace

Orders& orders() { return *given.load(std::memory_order_relaxed); }
bool thread_writes() { return writes_now; }

}  // namespace cordon::faults

namespace faults = cordon::faults;

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)
extern "C" {

// ---- writes

ssize_t write(int file, const void* data, size_t octets) {
  static const auto real = faults::next<decltype(write)>("write");
  return faults::fails(file, faults::writes) ? -1 : real(file, data, octets);
}

ssize_t writev(int file, const iovec* pieces, int count) {
  static const auto real = faults::next<decltype(writev)>("writev");
  return faults::fails(file, faults::writes) ? -1 : real(file, pieces, count);
}

ssize_t pwrite(int file, const void* data, size_t octets, off_t offset) {
  static const auto real = faults::next<decltype(pwrite)>("pwrite");
  return faults::fails(file, faults::writes) ? -1 : real(file, data, octets, offset);
}

ssize_t pwrite64(int file, const void* data, size_t octets, off64_t offset) {
  static const auto real = faults::next<decltype(pwrite64)>("pwrite64");
  return faults::fails(file, faults::writes) ? -1 : real(file, data, octets, offset);
}

ssize_t pwritev(int file, const iovec* pieces, int count, off_t offset) {
  static const auto real = faults::next<decltype(pwritev)>("pwritev");
  return faults::fails(file, faults::writes) ? -1 : real(file, pieces, count, offset);
}

ssize_t pwritev64(int file, const iovec* pieces, int count, off64_t offset) {
  static const auto real = faults::next<decltype(pwritev64)>("pwritev64");
  return faults::fails(file, faults::writes) ? -1 : real(file, pieces, count, offset);
}

// ---- syncs

int fsync(int file) {
  static const auto real = faults::next<decltype(fsync)>("fsync");
  return faults::fails(file, faults::syncs) ? -1 : real(file);
}

int fdatasync(int file) {
  static const auto real = faults::next<decltype(fdatasync)>("fdatasync");
  return faults::fails(file, faults::syncs) ? -1 : real(file);
}

int sync_file_range(int file, off64_t offset, off64_t octets, unsigned flags) {
  static const auto real = faults::next<decltype(sync_file_range)>("sync_file_range");
  return faults::fails(file, faults::syncs) ? -1 : real(file, offset, octets, flags);
}

// ---- sizes

int ftruncate(int file, off_t octets) noexcept {
  static const auto real = faults::next<decltype(ftruncate)>("ftruncate");
  return faults::fails(file, faults::sizes) ? -1 : real(file, octets);
}

int ftruncate64(int file, off64_t octets) noexcept {
  static const auto real = faults::next<decltype(ftruncate64)>("ftruncate64");
  return faults::fails(file, faults::sizes) ? -1 : real(file, octets);
}

int fallocate(int file, int mode, off_t offset, off_t octets) {
  static const auto real = faults::next<decltype(fallocate)>("fallocate");
  return faults::fails(file, faults::sizes) ? -1 : real(file, mode, offset, octets);
}

int fallocate64(int file, int mode, off64_t offset, off64_t octets) {
  static const auto real = faults::next<decltype(fallocate64)>("fallocate64");
  return faults::fails(file, faults::sizes) ? -1 : real(file, mode, offset, octets);
}

// The error is what these return (posix_fallocate(3)).
int posix_fallocate(int file, off_t offset, off_t octets) {
  static const auto real = faults::next<decltype(posix_fallocate)>("posix_fallocate");
  const int error = faults::fault(file, faults::sizes);
  return error != 0 ? error : real(file, offset, octets);
}

int posix_fallocate64(int file, off64_t offset, off64_t octets) {
  static const auto real = faults::next<decltype(posix_fallocate64)>("posix_fallocate64");
  const int error = faults::fault(file, faults::sizes);
  return error != 0 ? error : real(file, offset, octets);
}

// ---- the clock on the wall; CLOCK_MONOTONIC goes on as it does when somebody sets the other

int clock_gettime(clockid_t clock, timespec* now) noexcept {
  static const auto real = faults::next<decltype(clock_gettime)>("clock_gettime");
  const int result = real(clock, now);
  if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    now->tv_sec += faults::ahead();
  return result;
}

int gettimeofday(timeval* now, void* zone) noexcept {
  static const auto real = faults::next<decltype(gettimeofday)>("gettimeofday");
  const int result = real(now, zone);
  if (result == 0) now->tv_sec += faults::ahead();
  return result;
}

time_t time(time_t* kept) noexcept {
  static const auto real = faults::next<decltype(time)>("time");
  const time_t now = real(nullptr) + faults::ahead();
  if (kept != nullptr) *kept = now;
  return now;
}

}  // extern "C"
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
