#include "proxy/control_socket.h"

#include <cerrno>
#include <cstring>
#include <stdexcept>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace cordon::proxy {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw std::runtime_error("control socket " + path + ": " + why);
}

[[noreturn]] void fail_by_errno(const std::string& path, const char* doing) {
  fail(path, std::string(doing) + ": " + std::strerror(errno));
}

// Removes what a dead daemon left behind.
void clear_stale(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return;
    fail_by_errno(path, "cannot look at it");
  }
  if (!S_ISSOCK(status.st_mode)) fail(path, "something that is no socket is there");
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno != ECONNREFUSED) {
    fail(path, "another process uses it");
  }
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail_by_errno(path, "cannot remove it");
}

}  // namespace

Descriptor listen_at(const std::string& path, std::optional<gid_t> group) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    fail(path, "the path is longer than the " + std::to_string(sizeof address.sun_path - 1) +
                   " octets that a socket's may have");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  clear_stale(path, address);

  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.get() < 0) fail_by_errno(path, "cannot make a socket");
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail_by_errno(path, "cannot bind it");
  }
  // Nobody can connect before listen(), so there is no moment with a wider mode. Giving it to a
  // group that one is not in is only root's; without it root and our own user can still connect.
  if (group && ::chown(path.c_str(), static_cast<uid_t>(-1), *group) != 0 && errno != EPERM) {
    fail_by_errno(path, "cannot give it to its group");
  }
  if (::chmod(path.c_str(), 0660) != 0) fail_by_errno(path, "cannot set its mode");
  if (::listen(socket.get(), SOMAXCONN) != 0) fail_by_errno(path, "cannot listen");
  return socket;
}

}  // namespace cordon::proxy
