// Mirroring: what is offered to clients is what the servers behind were seen to offer, so that
// nothing is accepted that would have to bounce later. Learnt from every EHLO of an upstream; what
// was never seen is not offered, and costs a client no more than an encoding. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "proxy/config.h"
#include "smtp/client_dialogue.h"

namespace cordon::proxy {

class Offers {
 public:
  // A server of a route; if a reload lets the route lead elsewhere, that is another one.
  struct Server {
    std::string route;
    std::string host;
    std::uint16_t port = 0;
    bool operator<(const Server& other) const {
      return std::tie(route, host, port) < std::tie(other.route, other.host, other.port);
    }
  };
  // What it said to EHLO. True if that changed anything.
  bool learn(const Server& server, const smtp::UpstreamOffer& offer);
  bool knows(const Server& server);
  // The options of a new session at the listener of that place in `config`: as configured, and
  // what mirrors cut down to what all routes of its mail have. SIZE is the smaller one. Where the
  // real server verifies AUTH, with the mechanisms that can be replayed to it.
  std::shared_ptr<const smtp::ServerOptions> options(const std::shared_ptr<const Config>& config,
                                                     std::size_t listener);

 private:
  struct Seen {
    bool eight_bit_mime = false;
    bool smtputf8 = false;
    std::uint64_t max_size = 0;       // 0: none told
    smtp::Mechanisms mechanisms = 0;  // of AUTH
    bool operator==(const Seen&) const = default;
  };
  smtp::ServerOptions cut_down(const Config& config, std::size_t listener) const;

  std::mutex mutex_;
  std::map<Server, Seen> seen_;           // of routes with lookup "host" one is asked for
  std::shared_ptr<const Config> config_;  // that made_ was made for
  std::vector<std::shared_ptr<const smtp::ServerOptions>> made_;
};

}  // namespace cordon::proxy
