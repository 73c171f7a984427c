// Where this gateway itself answers, so that mail is not sent to the one who sends it: an address
// alone does not tell, since other servers may have it too, on ports of their own. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace cordon::proxy {

// Of the interfaces of this host that are up (getifaddrs(3)); none if the system does not tell.
std::vector<boost::asio::ip::address> interface_addresses();

class OwnEndpoints {
 public:
  using Addresses = std::function<std::vector<boost::asio::ip::address>()>;
  // `listening`: of our listeners. `interfaces` is asked anew for each question that needs it, as
  // addresses come and go.
  explicit OwnEndpoints(std::vector<boost::asio::ip::tcp::endpoint> listening = {},
                        Addresses interfaces = interface_addresses);

  // Whether a connection to there comes to one of our listeners. One that listens at 0.0.0.0 or ::
  // has all addresses of the host; to connect to such an address is to connect to the host itself.
  bool contains(const boost::asio::ip::address& address, std::uint16_t port) const;

 private:
  bool is_of_this_host(const boost::asio::ip::address& address) const;

  std::vector<boost::asio::ip::tcp::endpoint> listening_;
  Addresses interfaces_;
};

}  // namespace cordon::proxy
