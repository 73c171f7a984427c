#include "bench/poller.h"

#include <cerrno>
#include <system_error>

#include <sys/resource.h>

namespace cordon::bench {

Poller::Poller() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
}

void Poller::watch(int descriptor, void* who) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = who;
  if (epoll_ctl(epoll_.number(), EPOLL_CTL_ADD, descriptor, &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }
}

int Poller::gather(std::optional<std::chrono::nanoseconds> limit) {
  timespec time{};
  if (limit) {
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(*limit);
    time.tv_sec = whole.count();
    time.tv_nsec = (*limit - whole).count();
  }
  const int count = epoll_pwait2(epoll_.number(), ready_.data(), static_cast<int>(ready_.size()),
                                 limit ? &time : nullptr, nullptr);
  if (count >= 0) return count;
  if (errno == EINTR) return 0;
  throw std::system_error(errno, std::generic_category(), "epoll_pwait2");
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace cordon::bench
