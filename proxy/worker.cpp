#include "proxy/worker.h"

#include <chrono>
#include <vector>

#include <boost/asio/post.hpp>

#include "proxy/session.h"

namespace cordon::proxy {

Worker::Worker() : guard_(context_.get_executor()), timer_(context_) {}

Worker::~Worker() { stop(); }

void Worker::stop() {
  guard_.reset();
  context_.stop();
  if (thread_.joinable()) thread_.join();
}

void Worker::start() {
  tick();
  thread_ = std::thread([this] { context_.run(); });
}

void Worker::add(const std::shared_ptr<Session>& session) {
  sessions_.insert(session);
  count_.store(sessions_.size(), std::memory_order_relaxed);
}

void Worker::remove(Session& session) {
  sessions_.erase(session.shared_from_this());
  count_.store(sessions_.size(), std::memory_order_relaxed);
}

// One timer a worker instead of one a session: a time-out may come up to a second late.
void Worker::tick() {
  timer_.expires_after(std::chrono::seconds(1));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    const auto now = std::chrono::steady_clock::now();
    const std::vector<std::shared_ptr<Session>> all(sessions_.begin(), sessions_.end());
    for (const auto& session : all) session->check_time(now);
    tick();
  });
}

void Worker::shut_down_sessions() {
  boost::asio::post(context_, [this] {
    const std::vector<std::shared_ptr<Session>> all(sessions_.begin(), sessions_.end());
    for (const auto& session : all) session->shut_down();
  });
}

void Worker::abort_sessions() {
  boost::asio::post(context_, [this] {
    const std::vector<std::shared_ptr<Session>> all(sessions_.begin(), sessions_.end());
    for (const auto& session : all) session->abort();
  });
}

}  // namespace cordon::proxy
