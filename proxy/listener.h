// A listening socket: accepts connections, checks the limits on sessions, and hands each connection
// to the worker with the fewest. Lives on one io_context; not thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "proxy/gateway.h"
#include "proxy/worker.h"

namespace cordon::proxy {

// Counts sessions, in all and for each host, against the limits. Any thread.
class Doorkeeper {
 public:
  enum class Verdict : std::uint8_t { welcome, full, host_full };
  Verdict enter(const std::string& host, const Settings::Limits& limits);
  void leave(const std::string& host);

 private:
  std::mutex mutex_;
  std::size_t all_ = 0;
  std::unordered_map<std::string, std::uint32_t> by_host_;
};

class Listener {
 public:
  // Binds at once; throws std::runtime_error naming the address if that fails. `index` is the
  // listener's place in Settings::listeners now. A reload finds it by name; if it is gone from the
  // settings it goes on as it was bound, until a restart.
  Listener(boost::asio::io_context& context, Gateway& gateway, Doorkeeper& door,
           std::vector<std::unique_ptr<Worker>>& workers, std::size_t index);

  void start();
  void stop();  // no more connections; those accepted go on
  std::uint16_t port() const;

 private:
  void accept();
  void welcome(boost::asio::ip::tcp::socket socket, Worker& worker);
  Worker& least_loaded();
  // What is in force for the socket under `config`.
  struct Terms {
    ListenerSettings settings;
    std::shared_ptr<const smtp::ServerOptions> options;
  };
  Terms terms(const Config& config) const;

  boost::asio::io_context& context_;
  Gateway& gateway_;
  Doorkeeper& door_;
  std::vector<std::unique_ptr<Worker>>& workers_;
  const Terms bound_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
};

}  // namespace cordon::proxy
