#include "bench/load_engine.h"

#include <algorithm>

#include <sys/resource.h>

namespace cordon::bench {
namespace {

using namespace std::chrono_literals;

// A burst of connections larger than a server's backlog loses its SYNs, and a lost SYN costs a
// second: so no more than these are opened together at the start.
constexpr std::size_t opened_together = 64;
constexpr auto rest_after_fault = 100ms;
constexpr auto tick = 1s;

double thread_cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

Clock::duration in_seconds(double seconds) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

Engine::Engine(const Plan& plan, Quota& quota, std::uint32_t thread) : plan_(plan), quota_(quota) {
  const LoadOptions& options = plan.options;
  for (std::uint32_t i = thread; i < options.sessions; i += options.threads) {
    slots_.emplace_back(plan, tally_, poller_, i);
  }
  live_ = slots_.size();
  if (options.rate > 0) {
    interval_ = in_seconds(options.threads / options.rate);
    due_ = quota.start() + interval_ * thread / options.threads;
  }
  window_opens_ = quota.start() + in_seconds(options.warmup);
  const bool steady = options.warmup > 0 && options.seconds > 0;
  window_closes_ = steady ? window_opens_ + in_seconds(options.seconds) : Clock::time_point::max();
  patience_checked_ = quota.start();
}

void Engine::run() {
  while (live_ > 0 && !quota_.gave_up()) {
    const auto now = Clock::now();
    turn_window(now);
    give_work(now);
    if (now - patience_checked_ >= tick) check_patience(now);
    poller_.wait(time_to_wait(now), [this](void* who, std::uint32_t events) {
      Slot& slot = static_cast<Slot&>(*static_cast<Session*>(who));
      after(slot, slot.ready(events, scratch_));
    });
  }
  if (window_opens_ < Clock::time_point::max()) open_window(Clock::now());  // it ended before
  if (tally_.open) close_window(std::max(answered_, tally_.begin));
}

// ---- Work

void Engine::give_work(Clock::time_point now) {
  while (!resting_.empty() && resting_.front().until <= now) {
    Slot& slot = *resting_.front().slot;
    resting_.pop_front();
    slot.place = Place::running;
    after(slot, serve(slot));
  }
  while (!waiting_.empty() && (due_ <= now || quota_.exhausted(now))) {
    Slot& slot = *waiting_.front();
    waiting_.pop_front();
    slot.place = Place::running;
    after(slot, serve(slot));
  }
  open_more();
}

void Engine::open_more() {
  while (unopened_ < slots_.size() && opening_ < opened_together && !quota_.gave_up()) {
    Slot& slot = slots_[unopened_++];
    slot.place = Place::opening;
    ++opening_;
    after(slot, serve(slot));
  }
}

void Engine::after(Slot& slot, Turn turn) {
  while (true) {
    if (slot.place == Place::opening && (turn != Turn::wait || slot.set_up())) {
      --opening_;
      slot.place = Place::running;
    }
    switch (turn) {
      case Turn::wait:
        return;
      case Turn::free:
        if (slot.begun_here() > 0 && tally_.open) answered_ = Clock::now();
        [[fallthrough]];
      case Turn::closed:
        turn = serve(slot);
        break;
      case Turn::lost:
        quota_.add_error();
        [[fallthrough]];
      case Turn::turned_away:
        if (slot.place == Place::waiting) return;  // its next message opens it
        slot.place = Place::resting;
        resting_.push_back({Clock::now() + rest_after_fault, &slot});
        return;
    }
  }
}

// What a session without work does next.
Turn Engine::serve(Slot& slot) {
  const auto now = Clock::now();
  if (slot.has_message()) return quota_.past_deadline(now) ? retire(slot) : slot.open();
  const std::uint32_t per_session = plan_.options.per_session;
  if (slot.connected() && per_session > 0 && slot.begun_here() >= per_session) {
    return slot.quit();
  }
  if (interval_ > 0s && now < due_ && !quota_.exhausted(now)) {
    if (slot.place == Place::opening) --opening_;
    slot.place = Place::waiting;
    waiting_.push_back(&slot);
    return Turn::wait;
  }
  const auto number = quota_.take(now);
  if (!number) return slot.connected() ? slot.quit() : retire(slot);
  if (interval_ > 0s) {
    if (tally_.open) tally_.late.add(now - due_);
    due_ += interval_;
  }
  return slot.send(*number);
}

Turn Engine::retire(Slot& slot) {
  if (slot.place == Place::opening) --opening_;
  slot.place = Place::done;
  --live_;
  return Turn::wait;
}

void Engine::check_patience(Clock::time_point now) {
  patience_checked_ = now;
  const auto limit = now - in_seconds(plan_.options.patience);
  for (Slot& slot : slots_) after(slot, slot.check_patience(limit));
}

// ---- The window

void Engine::turn_window(Clock::time_point now) {
  if (now >= window_opens_) open_window(now);
  if (now >= window_closes_ && tally_.open) close_window(now);
}

void Engine::open_window(Clock::time_point now) {
  tally_.begin = std::max(now, window_opens_);
  tally_.end = tally_.begin;
  if (window_opens_ == quota_.start()) tally_.begin = window_opens_;
  window_opens_ = Clock::time_point::max();
  cpu_before_ = thread_cpu_seconds();
  tally_.open = true;
}

void Engine::close_window(Clock::time_point now) {
  tally_.open = false;
  tally_.end = now;
  tally_.cpu_seconds = thread_cpu_seconds() - cpu_before_;
}

Clock::duration Engine::time_to_wait(Clock::time_point now) const {
  auto until = now + tick;
  if (!resting_.empty()) until = std::min(until, resting_.front().until);
  if (!waiting_.empty()) until = std::min(until, due_);
  until = std::min({until, window_opens_, window_closes_});
  if (unopened_ < slots_.size() && opening_ < opened_together) return 0s;
  return std::max<Clock::duration>(until - now, 0s);
}

}  // namespace cordon::bench
