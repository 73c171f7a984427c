// cordond as an object: the parts put together in the order they need, and taken apart in the
// reverse. One an address space.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "proxy/committer.h"
#include "proxy/gateway.h"
#include "proxy/listener.h"
#include "proxy/local_credentials.h"
#include "proxy/operator_desk.h"
#include "proxy/reader_pool.h"
#include "proxy/responder.h"
#include "proxy/worker.h"

namespace cordon::proxy {

class ControlEndpoint;

class Daemon {
 public:
  // Opens the store and binds the listeners. Throws std::runtime_error, with what is wrong and
  // where, if anything cannot be had.
  explicit Daemon(const std::shared_ptr<const Config>& config);
  ~Daemon();

  // Serves until stop(). Returns when all is stored and closed.
  void run();
  // Any thread: a clean stop. Listeners close, sessions get 421 at a command boundary, deliveries
  // under way end; what has not ended after the grace is cut off, and nothing is lost by that.
  void stop();
  // Any thread: puts in force what can change live. The rest waits for a restart, and is logged.
  void reload(std::shared_ptr<const Config> config);

  std::vector<std::uint16_t> ports() const;  // of the listeners, in order

 private:
  void begin_stop();
  void finish_stop();
  void every_second();
  void tend_credentials();

  std::shared_ptr<const Config> config_;
  boost::asio::io_context office_{1};  // listeners, committer, responder, timers
  Gateway gateway_;
  ReaderPool readers_;
  Responder responder_;
  Committer committer_;
  OperatorDesk desk_;
  Doorkeeper door_;
  LocalCredentials passwords_;
  const SessionServices services_{
      gateway_, door_, {passwords_, committer_.logins()}, committer_.recipients()};
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::unique_ptr<ControlEndpoint> control_;
  boost::asio::steady_timer second_;
  boost::asio::steady_timer stop_timer_;
  const std::string state_dir_;  // a reload may name another, which waits for a restart
  const SlowClock slow_clock_;   // nobody could be warned any more if records got old at once
  std::uint32_t seconds_ = 0;
  std::uint32_t grace_left_ = 0;
  bool deliveries_ended_ = false;
  bool stopping_ = false;
};

}  // namespace cordon::proxy
