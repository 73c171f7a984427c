// One event thread with its io_context, the sessions that live on it, and the read buffer that they
// share. All members but post-safe ones are for the worker's own thread.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <unordered_set>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

namespace cordon::proxy {

class Session;

class Worker {
 public:
  Worker();
  ~Worker();  // stops; what still waits is dropped, so nobody may post any more

  boost::asio::io_context& context() { return context_; }
  void start();  // the thread; once
  // Joins the thread. What is posted afterwards is kept and never runs: the store may still answer.
  // Not from the worker's own thread; again is harmless.
  void stop();
  void add(const std::shared_ptr<Session>& session);
  void remove(Session& session);
  // Any thread: 421 to all, at their command boundaries; abort() cuts off those that are left.
  void shut_down_sessions();
  void abort_sessions();
  std::size_t sessions() const { return count_.load(std::memory_order_relaxed); }  // any thread

  // What one readable event may bring. Shared: its content is gone once a handler returns.
  std::array<char, 64UL * 1024>& read_buffer() { return buffer_; }

 private:
  void tick();

  // First, hence destroyed last: handlers that never ran hold sessions, whose sockets are its own.
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  boost::asio::steady_timer timer_;
  std::unordered_set<std::shared_ptr<Session>> sessions_;
  std::atomic<std::size_t> count_{0};
  std::array<char, 64UL * 1024> buffer_;
  std::thread thread_;
};

}  // namespace cordon::proxy
