// One life of a gateway in a simulation: the real parts, put together as proxy/daemon.cpp does,
// over a store, an upstream and a clock in the test's hand. Nothing happens at once: what is ready
// on the io_context, one reader thread, an operator's thread and the store's batches take turns, in
// the same order at each run (simulated_kernel.h). A life ends by Crash, thrown out of any call
// here; then only the store underneath may be looked at, and the object destroyed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "proxy/committer.h"
#include "proxy/gateway.h"
#include "proxy/operator_desk.h"
#include "proxy/reader_pool.h"
#include "proxy/responder.h"
#include "simulated_store.h"
#include "simulated_upstream.h"

namespace cordon::simulated {

// A message as a client sends it. Recipients at in.example are the site's own; "bait..." are baits.
struct Mail {
  std::string host = "192.0.2.1";
  std::vector<std::string> to;
  std::string subject;
  std::size_t octets = 0;   // of padding
  bool automatic = false;   // Auto-Submitted
  std::uint8_t notify = 0;  // NOTIFY of each recipient
};

class SimulatedGateway {
 public:
  struct Surroundings {
    Ledger& ledger;
    CrashPoints& points;
    UpstreamMind& upstream;
    std::optional<Trouble> trouble;
  };
  SimulatedGateway(const std::filesystem::path& state, proxy::Settings settings,
                   const Surroundings& around);
  ~SimulatedGateway();
  SimulatedGateway(const SimulatedGateway&) = delete;
  SimulatedGateway& operator=(const SimulatedGateway&) = delete;

  void start();
  // A client gives its commands and the content; the 250 comes when it comes. Returns the id.
  store::MessageId send(const Mail& mail);
  void reload(proxy::Settings settings);
  void operate(const std::function<void(proxy::OperatorDesk&)>& act);

  void run();  // till nothing is left to do at this instant
  // And does what becomes due; looks at that once a `step`.
  void pass(std::chrono::milliseconds time,
            std::chrono::milliseconds step = std::chrono::milliseconds(200));
  void come_to_rest();  // passes time until nothing more happens

  store::Store& real_store() { return store_->real(); }
  store::OriginId origin(const std::string& host);
  proxy::Gateway& gateway() { return gateway_; }
  std::size_t batches() const { return store_->taken(); }

 private:
  struct Sending;
  void give_piece(const std::shared_ptr<Sending>& sending);
  void end_of_content(const std::shared_ptr<Sending>& sending);
  void watch_policy();
  void drain();
  std::size_t run_ready();
  std::size_t ring();
  bool in_flight();
  void let_readers_run();
  void let_resolver_run();
  void wait_at_barrier(std::uint64_t turn);
  bool anything_due();

  Ledger& ledger_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_;
  SimulatedUpstream upstream_;
  SimulatedStore* store_ = nullptr;  // the gateway's
  proxy::Gateway gateway_;
  proxy::ReaderPool readers_;
  proxy::Responder responder_;
  proxy::Committer committer_;
  proxy::OperatorDesk desk_;
  boost::asio::steady_timer bell_;
  std::chrono::milliseconds age_{0};
  unsigned sessions_ = 0;
  bool readers_asked_ = true;  // whatever runs may post work to them

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t turn_ = 0;     // of the readers: how far they may run
  std::uint64_t reached_ = 0;  // how far they have
  bool barrier_open_ = false;
};

}  // namespace cordon::simulated
