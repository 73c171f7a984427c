#include "bench/sink_server.h"

#include <cerrno>
#include <system_error>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace cordon::bench {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

void switch_on(int socket, int level, int option) {
  const int on = 1;
  setsockopt(socket, level, option, &on, sizeof on);
}

}  // namespace

Descriptor listen_on(const std::string& address, std::uint16_t port, bool shared) {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  if (inet_pton(AF_INET, address.c_str(), &at.sin_addr) != 1) {
    errno = EINVAL;
    fail("address");
  }
  Descriptor listener(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listener) fail("socket");
  switch_on(listener.number(), SOL_SOCKET, SO_REUSEADDR);
  if (shared) switch_on(listener.number(), SOL_SOCKET, SO_REUSEPORT);
  // What is accepted inherits it.
  switch_on(listener.number(), IPPROTO_TCP, TCP_NODELAY);
  if (bind(listener.number(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) fail("bind");
  if (listen(listener.number(), SOMAXCONN) != 0) fail("listen");
  return listener;
}

std::uint16_t port_of(const Descriptor& listener) {
  sockaddr_in at{};
  socklen_t size = sizeof at;
  if (getsockname(listener.number(), reinterpret_cast<sockaddr*>(&at), &size) != 0) {
    fail("getsockname");
  }
  return ntohs(at.sin_port);
}

SinkServer::SinkServer(Descriptor listener, int stop, Mailbag& bag,
                       std::shared_ptr<const smtp::ServerOptions> options)
    : listener_(std::move(listener)), bag_(bag), options_(std::move(options)) {
  poller_.watch(listener_.number(), &listener_);
  poller_.watch(stop, &stopped_);
}

void SinkServer::run() {
  while (!stopped_) {
    std::optional<Clock::duration> limit;
    if (!slow_.empty()) limit = std::max(slow_.front().due - Clock::now(), Clock::duration::zero());
    poller_.wait(limit, [this](void* who, std::uint32_t events) {
      if (who == &stopped_) {
        stopped_ = (events & EPOLLIN) != 0;  // it can be written to at any time
      } else if (who == &listener_) {
        accept_all();
      } else {
        auto& session = *static_cast<SinkSession*>(who);
        settle(session, session.ready(events, buffers_));
      }
    });
    answer_slow_ones();
    if (starved_) accept_all();
  }
}

void SinkServer::accept_all() {
  while (true) {
    Descriptor socket(accept4(listener_.number(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket && (errno == EINTR || errno == ECONNABORTED)) continue;
    starved_ = !socket && errno != EAGAIN;
    if (!socket) return;
    const int number = socket.number();
    auto session = std::make_shared<SinkSession>(std::move(socket), bag_, options_);
    poller_.watch(number, session.get());
    sessions_[number] = session;
    settle(*session, session->ready(0, buffers_));
  }
}

void SinkServer::settle(SinkSession& session, SinkSession::State state) {
  if (state == SinkSession::State::over) {
    sessions_.erase(session.descriptor());
  } else if (state == SinkSession::State::slow) {
    slow_.push_back({Clock::now() + SinkSession::slow_reply, sessions_[session.descriptor()]});
  }
}

void SinkServer::answer_slow_ones() {
  while (!slow_.empty() && slow_.front().due <= Clock::now()) {
    const auto session = slow_.front().session.lock();
    slow_.pop_front();
    if (session) settle(*session, session->resume(buffers_));
  }
}

}  // namespace cordon::bench
