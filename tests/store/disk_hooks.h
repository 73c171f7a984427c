// Between the calls of libc that disk_calls.cpp defines and the recorder: each notes what `call`,
// the real one, does, or fails in its place. What is not in a recorded directory goes straight on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include <dlfcn.h>
#include <sys/types.h>

namespace cordon::store::disk {

using Call = std::function<int()>;
using WriteCall = std::function<ssize_t(std::size_t octets)>;

// The definition of a function of libc that this program would have without disk_calls.cpp.
template <typename Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(::dlsym(RTLD_NEXT, name));
}

bool is_recorded(int descriptor);

// For recorded descriptors only.
ssize_t write_recorded(int descriptor, const void* data, std::size_t octets, std::uint64_t offset,
                       const WriteCall& call);
int resize_recorded(int descriptor, std::uint64_t size, const Call& call);
// `call` returns 0 or an error number, as posix_fallocate does; so does this.
int allocate_recorded(int descriptor, int mode, std::uint64_t offset, std::uint64_t octets,
                      const Call& call);
int sync_recorded(int descriptor, const Call& call);
void forget_descriptor(int descriptor);

// For any path.
int open_recorded(const char* path, int flags, const Call& call);
int unlink_recorded(const char* path, const Call& call);
int rename_recorded(const char* from, const char* to, const Call& call);

}  // namespace cordon::store::disk
