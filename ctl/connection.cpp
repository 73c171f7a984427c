#include "ctl/connection.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace cordon::ctl {

std::unique_ptr<Connection> Connection::open(const std::string& path, Outcome& trouble) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    trouble.lost = "no socket can have this path";
    return nullptr;
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    trouble.lost = std::strerror(errno);
    return nullptr;
  }
  std::unique_ptr<Connection> connection(new Connection(fd));
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int why = errno;
    if (why == EACCES || why == EPERM) {
      trouble.error =
          wire::ErrorReply{0, wire::ErrorCode::not_permitted, "the socket is not open to you"};
    } else {
      trouble.lost = why == ECONNREFUSED || why == ENOENT
                         ? std::string("no cordond listens there (") + std::strerror(why) + ")"
                         : std::strerror(why);
    }
    return nullptr;
  }
  const auto greeting = connection->receive(trouble.lost);
  if (!greeting) return nullptr;
  if (const auto* error = std::get_if<wire::ErrorReply>(&*greeting)) {
    trouble.error = *error;
    return nullptr;
  }
  const auto* hello = std::get_if<wire::Hello>(&*greeting);
  if (hello == nullptr || hello->version != wire::control_version) {
    trouble.lost = "it speaks another version of the control protocol";
    return nullptr;
  }
  return connection;
}

Connection::~Connection() { ::close(fd_); }

Outcome Connection::ask(wire::Request request, const RowHandler& each) {
  request.id = ++last_id_;
  Outcome outcome;
  const std::string line = encode(request);
  if (line.size() > wire::max_request_line) {
    outcome.error =
        wire::ErrorReply{request.id, wire::ErrorCode::too_long, "too much for one request"};
    return outcome;
  }
  if (!send(line + "\n")) {
    outcome.lost = "cordond went away";
    return outcome;
  }
  for (;;) {
    const auto reply = receive(outcome.lost);
    if (!reply) return outcome;
    if (const auto* row = std::get_if<wire::RowReply>(&*reply)) {
      if (row->request == request.id) each(row->row);
    } else if (const auto* end = std::get_if<wire::End>(&*reply)) {
      outcome.end = *end;
      return outcome;
    } else if (const auto* error = std::get_if<wire::ErrorReply>(&*reply)) {
      outcome.error = *error;
      return outcome;
    }
  }
}

bool Connection::send(std::string_view line) {
  while (!line.empty()) {
    const ssize_t sent = ::send(fd_, line.data(), line.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    line.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::optional<wire::Reply> Connection::receive(std::string& trouble) {
  std::array<char, 16'384> buffer{};
  std::string line;
  for (;;) {
    switch (lines_.next(line)) {
      case wire::LineReader::Status::line: {
        auto reply = wire::decode_reply(line);
        if (!reply) trouble = "it does not speak the control protocol";
        return reply;
      }
      case wire::LineReader::Status::too_long:
        trouble = "it does not speak the control protocol";
        return std::nullopt;
      case wire::LineReader::Status::more:
        break;
    }
    const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      trouble = "cordond went away";
      return std::nullopt;
    }
    lines_.feed({buffer.data(), static_cast<std::size_t>(got)});
  }
}

}  // namespace cordon::ctl
