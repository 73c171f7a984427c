// A listening socket: accepts connections, asks the doorkeeper, and hands each connection to the
// worker with the fewest. Lives on one io_context; not thread-safe.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "proxy/session.h"
#include "proxy/worker.h"

namespace cordon::proxy {

class Listener {
 public:
  // Binds at once; throws std::runtime_error naming the address if that fails. `index` is the
  // listener's place in Settings::listeners now. A reload finds it by name; if it is gone from the
  // settings it goes on as it was bound, until a restart. The services outlive it.
  Listener(boost::asio::io_context& context, const SessionServices& services,
           std::vector<std::unique_ptr<Worker>>& workers, std::size_t index);

  void start();
  void stop();  // no more connections; those accepted go on
  boost::asio::ip::tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }
  std::uint16_t port() const { return endpoint().port(); }

 private:
  void accept();
  void welcome(boost::asio::ip::tcp::socket socket, Worker& worker);
  static void turn_away(boost::asio::ip::tcp::socket& socket, const std::string& host,
                        const SessionTerms& terms, Doorkeeper::Verdict verdict);
  Worker& least_loaded();
  // What is in force for a session that begins now.
  SessionTerms terms() const;

  const SessionServices& services_;
  std::vector<std::unique_ptr<Worker>>& workers_;
  const SessionTerms bound_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
};

}  // namespace cordon::proxy
