#include "proxy/address_text.h"

namespace cordon::proxy {

namespace ip = boost::asio::ip;

std::string address_text(const ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return ip::make_address_v4(ip::v4_mapped, address.to_v6()).to_string();
  return address.to_string();
}

std::optional<std::string> address_text(std::string_view written) {
  boost::system::error_code error;
  const auto address = ip::make_address(std::string(written), error);
  if (error) return std::nullopt;
  return address_text(address);
}

}  // namespace cordon::proxy
