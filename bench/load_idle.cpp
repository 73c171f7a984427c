#include "bench/load_idle.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <deque>
#include <system_error>

#include <poll.h>

#include "bench/load_session.h"

namespace cordon::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t opened_together = 64;  // as a server's backlog bears them

class IdleSessions {
 public:
  explicit IdleSessions(const Plan& plan) : plan_(plan) {}

  // True when all are open; false if one failed.
  bool open() {
    while (settled_ + lost_ < plan_.options.idle && lost_ == 0) {
      while (sessions_.size() < plan_.options.idle &&
             sessions_.size() < settled_ + opened_together) {
        sessions_.emplace_back(plan_, tally_, poller_,
                               static_cast<std::uint32_t>(sessions_.size()));
        note(sessions_.back().open());
      }
      look(1s);
      const auto patience = std::chrono::duration<double>(plan_.options.patience);
      const auto limit = Clock::now() - std::chrono::duration_cast<Clock::duration>(patience);
      for (Session& session : sessions_) note(session.check_patience(limit));
    }
    return lost_ == 0;
  }

  void hold_until_stdin_closes() {
    std::array<pollfd, 2> both{pollfd{STDIN_FILENO, POLLIN, 0},
                               pollfd{poller_.descriptor(), POLLIN, 0}};
    while (true) {
      if (::poll(both.data(), both.size(), -1) < 0 && errno != EINTR) {
        throw std::system_error(errno, std::generic_category(), "poll");
      }
      if (both[1].revents != 0) look(0s);
      if (both[0].revents != 0 && ::read(STDIN_FILENO, scratch_.data(), scratch_.size()) <= 0) {
        return;
      }
    }
  }

  std::size_t held() const { return settled_; }
  std::size_t lost() const { return lost_; }

 private:
  void look(std::chrono::nanoseconds limit) {
    poller_.wait(limit, [this](void* who, std::uint32_t events) {
      Session& session = *static_cast<Session*>(who);
      const bool was_set_up = session.set_up();
      const Turn turn = session.ready(events, scratch_);
      if (was_set_up && turn != Turn::wait) --settled_;
      note(turn);
    });
  }

  void note(Turn turn) {
    if (turn == Turn::free) ++settled_;
    if (turn == Turn::lost || turn == Turn::turned_away) ++lost_;
  }

  const Plan& plan_;
  Poller poller_;
  Tally tally_;
  std::deque<Session> sessions_;
  std::size_t settled_ = 0;
  std::size_t lost_ = 0;
  std::array<char, 16384> scratch_{};
};

}  // namespace

int hold_idle_sessions(const Plan& plan) {
  IdleSessions sessions(plan);
  if (sessions.open()) {
    std::printf("ready\n");
    std::fflush(stdout);
    sessions.hold_until_stdin_closes();
  }
  std::printf("{\"held\":%zu,\"lost\":%zu}\n", sessions.held(), sessions.lost());
  return sessions.lost() == 0 ? 0 : 1;
}

}  // namespace cordon::bench
