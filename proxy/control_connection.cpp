#include "proxy/control_connection.h"

#include <array>
#include <cerrno>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace cordon::proxy {

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Descriptor::Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

ControlConnection::ControlConnection(Descriptor socket, int stop_event,
                                     std::chrono::milliseconds idle_timeout, std::size_t max_line)
    : socket_(std::move(socket)),
      stop_event_(stop_event),
      idle_timeout_(idle_timeout),
      lines_(max_line) {}

bool ControlConnection::wait_for(short event) {
  std::array<pollfd, 2> waits{{{socket_.get(), event, 0}, {stop_event_, POLLIN, 0}}};
  int ready = 0;
  do {
    ready = ::poll(waits.data(), waits.size(), static_cast<int>(idle_timeout_.count()));
  } while (ready < 0 && errno == EINTR);
  return ready > 0 && waits[1].revents == 0;
}

ControlConnection::Got ControlConnection::read_line(std::string& line) {
  std::array<char, 16'384> buffer{};
  for (;;) {
    switch (lines_.next(line)) {
      case wire::LineReader::Status::line:
        return Got::line;
      case wire::LineReader::Status::too_long:
        return Got::too_long;
      case wire::LineReader::Status::more:
        break;
    }
    if (!wait_for(POLLIN)) return Got::end;
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got <= 0) return Got::end;
    lines_.feed({buffer.data(), static_cast<std::size_t>(got)});
  }
}

bool ControlConnection::write_line(std::string_view line) {
  const std::string whole = std::string(line) + "\n";
  std::string_view rest = whole;
  while (!rest.empty()) {
    const ssize_t sent =
        ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      rest.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!wait_for(POLLOUT)) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace cordon::proxy
