// One connection to an upstream server: carries out the actions of a ClientDialogue over a
// Transport. Opened for a job, it takes one after the other until it is idle too long, used up,
// or lost; tells its pool what became of it. On the pool's io_context; owns itself while open.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "proxy/transport.h"
#include "proxy/upstream.h"

namespace cordon::proxy {

class UpstreamConnection : public std::enable_shared_from_this<UpstreamConnection> {
 public:
  // For `first`, which is then given to open(). `in_plain`: without TLS although the route is
  // opportunistic, since it failed here before.
  UpstreamConnection(UpstreamPool& pool, boost::asio::io_context& context,
                     const Destination& destination, const UpstreamPool::Task& first,
                     UpstreamPool::Use use, bool in_plain);
  ~UpstreamConnection();

  const Destination& destination() const { return destination_; }
  const std::shared_ptr<const UpstreamRoute>& route() const { return route_; }
  UpstreamPool::Use use() const { return use_; }
  const Login& login() const { return login_; }
  bool reached() const { return reached_; }         // a session came about
  bool idle() const { return ready_ && !closed_; }  // as soon as it quits it is not
  // What was answered to the first job, if no session came about with a server that is there for
  // others; code 0: nothing was.
  const smtp::Reply& away() const { return away_; }
  // Whether the upstream would take `job` for the right client's.
  bool fits(const DeliveryJob& job) const;

  void open(UpstreamPool::Task task);
  void take(UpstreamPool::Task task);  // only while idle
  void quit();                         // likewise
  void fail(const smtp::Reply& why);   // a job under way is deferred

 private:
  // The way to the dialogue (upstream_opening.cpp).
  void connect(std::deque<boost::asio::ip::tcp::endpoint> found);
  void connect_to_first();
  void try_next_address(const smtp::Reply& why);
  void on_connected();
  void tell_client_by_proxy();
  void begin_dialogue();
  void start_tls(const std::function<void()>& then);
  void handshake(const std::function<void()>& then);
  void on_tls_failed(const std::string& why);

  void drive();
  bool step(const smtp::ClientDialogue::Step& step);
  void queue(std::string_view bytes, bool secret);
  bool on_ready();
  bool on_gate();
  void begin_message();
  void ask_piece();
  void finish();

  void write_then(const std::function<void()>& next);
  void flush(const std::function<void()>& next);
  void hear_last_words();
  void read();
  void limit_reply();
  void on_readable();
  void watch();
  void on_watched();
  void wait(Want want, std::function<void()> next);

  void limit(std::chrono::milliseconds time, const char* doing);
  void on_time_out(const char* doing);
  bool refused_for_its_client() const;
  void answer(std::vector<smtp::RecipientResult> results);
  void shut();

  UpstreamPool& pool_;
  const Destination destination_;
  const std::shared_ptr<const UpstreamRoute> route_;
  const Login login_;  // as whom it is; none: the route's
  const UpstreamPool::Use use_;
  const bool in_plain_;
  Transport transport_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::steady_timer timer_;
  std::deque<boost::asio::ip::tcp::endpoint> addresses_;  // to be tried; the first one is
  std::chrono::milliseconds share_{};                     // of the time to connect, for each
  smtp::ClientDialogue dialogue_;
  UpstreamPool::Task task_;  // its job is null between messages
  std::optional<smtp::ClientFacts> client_of(const DeliveryJob& job) const;
  std::optional<smtp::ClientFacts> told_;  // who the upstream takes for its client
  std::string out_;                        // to be written
  std::size_t sent_ = 0;                   // of it
  bool secret_in_out_ = false;
  std::array<char, 8192> in_{};
  smtp::Reply away_;
  smtp::Reply why_;  // of the end, if it was not the upstream's
  std::uint32_t messages_ = 0;
  bool reached_ = false;  // the first session came about
  bool ready_ = false;    // idle, and the pool knows it
  bool stopped_ = false;
  bool driving_ = false;
  bool drive_again_ = false;
  bool in_handshake_ = false;
  bool reading_ = false;                // a wait for octets is under way
  std::optional<std::uint64_t> timed_;  // how many replies were in when the limit began; none: anew
  bool waiting_for_final_ = false;
  bool closed_ = false;
};

}  // namespace cordon::proxy
