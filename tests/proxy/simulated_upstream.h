// The upstream of a simulation: an SMTP server on loopback, on the gateway's own io_context, so
// that all happens in one thread and in one order. It passes crash points, and can be told to do
// something at one of its moments.
//
// What it answers follows from the local part of a recipient:
//   refused...  550, always
//   later...    450 the first time, then accepted
//   tardy...    450 three times, then accepted
//   silent...   the first message with it is taken, and the connection closed without an answer
//   hung...     the first message with it is taken, and no answer comes as long as the client waits
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "simulated_crash.h"
#include "simulated_ledger.h"

namespace cordon::simulated {

// Steps of one message at the server, in their order.
enum class Moment : std::uint8_t {
  before_content,  // DATA was given
  before_dot,      // content has come
  after_dot,       // all has come; it is not answered yet
  after_reply,     // the 250 is on its way
};

// What outlives one life of the gateway: its memory, and what it is to do.
struct UpstreamMind {
  std::set<std::string> put_off;     // recipients that had their 450, or their silence
  std::map<std::string, int> tardy;  // how many they had
  // At that moment of the first message whose first recipient is that.
  std::map<std::pair<Moment, std::string>, std::function<void()>> plans;
};

class SimulatedUpstream {
 public:
  SimulatedUpstream(boost::asio::io_context& context, UpstreamMind& mind, Ledger& ledger,
                    CrashPoints& points);
  ~SimulatedUpstream();

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  bool connected() const { return connections_ > 0; }
  // A message's content is on its way here: its final dot has not come.
  bool in_content() const { return in_content_; }

 private:
  class Connection;
  void accept();

  boost::asio::ip::tcp::acceptor acceptor_;
  UpstreamMind& mind_;
  Ledger& ledger_;
  CrashPoints& points_;
  int connections_ = 0;
  bool in_content_ = false;
};

}  // namespace cordon::simulated
