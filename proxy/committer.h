// The committer (BESIDES 4.3, delayed commitment): claims what is due, durably and in batches,
// delivers it to its route's upstream, records what became of it. Never more than max_concurrent
// deliveries at once. Lives on the back office's io_context; wake() may come from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "proxy/gateway.h"
#include "proxy/reader_pool.h"
#include "proxy/upstream.h"

namespace cordon::proxy {

class Delivery;

class Committer {
 public:
  Committer(boost::asio::io_context& context, Gateway& gateway, ReaderPool& readers);
  ~Committer();

  void wake();  // something may be due; any thread, cheap to call often
  // Takes nothing new; `idle` is called when the last delivery has ended.
  void stop(std::function<void()> idle);
  void abort();  // what is still under way is given up as deferred

 private:
  friend class Delivery;
  void pump();
  void arm();
  void claim(std::vector<store::MessageId> ids);
  void on_claimed(const std::vector<store::MessageId>& asked, const store::Answer& answer);
  void ended();  // one delivery

  boost::asio::io_context& context_;
  Gateway& gateway_;
  ReaderPool& readers_;
  UpstreamPool upstreams_;
  boost::asio::steady_timer timer_;
  std::atomic<bool> woken_{false};
  std::uint32_t active_ = 0;    // claimed and not ended
  std::uint32_t claiming_ = 0;  // batches of claims on their way
  bool stopping_ = false;
  std::function<void()> idle_;
  std::minstd_rand random_;
};

}  // namespace cordon::proxy
