// Questions to the domain name system, asked through c-ares on an io_context: no thread waits.
// Names are absolute: the system's search list never applies. Not thread-safe; an answer comes on
// the io_context, never from within the question, and never once the Dns is gone.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>

namespace cordon::proxy {

enum class DnsStatus : std::uint8_t {
  found,
  no_data,  // the name exists, with no record of this kind
  no_name,  // no such name (NXDOMAIN)
  failed,   // time-out, SERVFAIL, malformed: may pass
};

struct MxRecord {
  std::uint16_t preference = 0;  // lower is tried first
  std::string exchange;          // without a dot at its end; empty: the root (RFC 7505)
  bool operator==(const MxRecord&) const = default;
};

class Dns {
 public:
  struct Options {
    std::vector<std::string> servers;         // "127.0.0.1:5353"; empty: those of /etc/resolv.conf
    std::chrono::milliseconds timeout{5000};  // of the first try; it grows with each
    int tries = 3;
    bool operator==(const Options&) const = default;
  };
  // Throws std::runtime_error, with the reason, if c-ares cannot be had or a server is malformed.
  Dns(boost::asio::io_context& context, const Options& options);
  ~Dns();
  Dns(const Dns&) = delete;
  Dns& operator=(const Dns&) = delete;

  using MxAnswer = std::function<void(DnsStatus, std::vector<MxRecord>)>;
  void mx(const std::string& domain, MxAnswer answer);
  // IPv6 and IPv4 in turns, each in the order of RFC 6724. An address as `name` is its own answer.
  using AddressAnswer = std::function<void(DnsStatus, std::vector<boost::asio::ip::address>)>;
  void addresses(const std::string& name, AddressAnswer answer);

 private:
  class Channel;
  std::unique_ptr<Channel> channel_;
};

}  // namespace cordon::proxy
