// IP addresses as the one text by which everything else knows a host.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/asio/ip/address.hpp>

namespace cordon::proxy {

// An IPv4 address that is mapped into IPv6 is told as IPv4: the same host over either kind of
// listener.
std::string address_text(const boost::asio::ip::address& address);
// The same of an address as somebody wrote it; nothing if it is none.
std::optional<std::string> address_text(std::string_view written);

}  // namespace cordon::proxy
