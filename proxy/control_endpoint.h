// The Unix socket that cordonctl talks to. It has threads of its own, one for each client, so that
// a slow client or a blocking action holds up no mail. The number of clients, the length of a line
// and the time a client may be idle are bounded.
//
// The socket has mode 0660 and, if groups are configured, belongs to the first of them. A stale
// socket (nobody listens) is replaced; one in use is refused.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "proxy/operator_actions.h"
#include "proxy/settings.h"
#include "store/store.h"

namespace cordon::proxy {

struct ControlLimits {
  std::size_t max_clients = 16;
  std::chrono::milliseconds idle_timeout = std::chrono::minutes(10);  // a person thinks meanwhile
};

class ControlEndpoint {
 public:
  // Binds and listens; throws std::runtime_error with the path and what is wrong. Nobody is served
  // before start(). `store` and `actions` must outlive this.
  ControlEndpoint(const Settings& settings, store::Store& store, OperatorActions& actions,
                  ControlLimits limits = {});
  ~ControlEndpoint();  // as stop()
  ControlEndpoint(const ControlEndpoint&) = delete;
  ControlEndpoint& operator=(const ControlEndpoint&) = delete;

  void start();
  // Any thread: new groups, for clients that come from now on.
  void reload(const Settings::Control& control);
  // Ends every client between two lines, waits for actions under way, and removes the socket.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cordon::proxy
