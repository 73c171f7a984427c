// Connections to upstream servers, reused between messages. Carries out the actions of the client
// dialogue over a socket, under time limits. All on one io_context; not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "proxy/settings.h"
#include "smtp/client_dialogue.h"

namespace cordon::proxy {

// One message on its way. The job lives until its `done` was called.
struct DeliveryJob {
  smtp::Envelope envelope;
  std::vector<std::size_t> which;  // recipients to try; never empty
  std::uint64_t octets = 0;        // of the content with its trace field
  // Asks for the next piece of content; answers by `give`, once, on the io_context, and never from
  // within the call. `ok` false: the store failed, and the attempt is abandoned.
  std::function<void(std::function<void(bool ok, std::string_view bytes, bool last)> give)>
      next_piece;
  // The gate, asked right before the final dot.
  std::function<bool()> pass_gate;
  // The end of the attempt: one result for each of `which`. `in_doubt`: the final dot was
  // sent, and no answer to it came. `stopped`: the gate was shut.
  std::function<void(std::vector<smtp::RecipientResult> results, bool in_doubt, bool stopped)> done;
};

class UpstreamConnection;

class UpstreamPool {
 public:
  UpstreamPool(boost::asio::io_context& context, std::string helo_name);
  ~UpstreamPool();

  struct Times {
    Seconds command{300};
    Seconds data{600};
  };
  // Delivers over an idle connection of the route, or a new one, or when one comes free.
  void deliver(const std::string& route_name, const RouteSettings& route, Times times,
               std::shared_ptr<DeliveryJob> job);
  void close_idle();
  // Ends every connection; jobs under way are answered as deferred.
  void abort();

 private:
  friend class UpstreamConnection;
  struct Route {
    RouteSettings settings;
    Times times;
    std::list<std::shared_ptr<DeliveryJob>> waiting;
    std::vector<std::shared_ptr<UpstreamConnection>> idle;
    std::vector<std::shared_ptr<UpstreamConnection>> all;
  };
  void pump(Route& route);
  void became_idle(const std::shared_ptr<UpstreamConnection>& connection);
  void gone(const std::shared_ptr<UpstreamConnection>& connection);

  boost::asio::io_context& context_;
  std::string helo_name_;
  std::map<std::string, Route> routes_;
  bool stopping_ = false;
};

}  // namespace cordon::proxy
