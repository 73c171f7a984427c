// The hosts that take mail for a domain, in the order in which they are to be tried (RFC 5321 5.1,
// null MX: RFC 7505). What the answers of the DNS mean is told by pure functions; MailHosts asks.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proxy/dns.h"
#include "proxy/own_endpoints.h"
#include "smtp/reply.h"

namespace cordon::proxy {

struct MailHost {
  std::string name;     // what its certificate is to say; an address literal's is the address
  std::string address;  // to connect to
  bool operator==(const MailHost&) const = default;
};
// Hosts to be tried, at least one; or why there is none: a 4xx to try again, a 5xx for good.
using MailHostsFound = std::variant<std::vector<MailHost>, smtp::Reply>;

// RFC 5321 4.5.3.1 sets no number; more hosts than this are not tried in one attempt, since each
// may take connect_timeout. "At least two addresses" is what 5.1 asks for.
inline constexpr std::size_t most_exchangers = 5;
inline constexpr std::size_t most_tried_hosts = 10;

// The exchangers of `domain` out of its MX records, best first, equal ones in an order that
// `random` shuffles; the domain itself if it has no record (implicit MX). If this host is among
// them, by name, only better ones are left (RFC 5321 5.1: else mail would go round). `own_name`
// without regard to case.
struct Exchangers {
  std::vector<std::string> names;
  std::vector<std::uint16_t> preferences;  // of each
  smtp::Reply none;                        // set if `names` is empty
};
Exchangers exchangers(std::string_view domain, DnsStatus status, std::vector<MxRecord> records,
                      std::string_view own_name, const std::function<std::uint32_t()>& random);

// "[192.0.2.1]" and "[IPv6:2001:db8::1]" name their host themselves; empty for what is no literal.
std::string literal_address(std::string_view domain);

class MailHosts {
 public:
  // `own_name`: of this gateway.
  MailHosts(Dns& dns, std::string own_name);
  // Where it answers: an exchanger with such an address, at the port of the route, is this host.
  void answers_at(OwnEndpoints own) { own_ = std::move(own); }
  ~MailHosts();
  MailHosts(const MailHosts&) = delete;
  MailHosts& operator=(const MailHosts&) = delete;
  // Those that listen at `port`. On the io_context of the Dns, never from within the call.
  // `domain`: A-labels or a literal.
  void find(const std::string& domain, std::uint16_t port,
            std::function<void(MailHostsFound)> done);

 private:
  struct Search;
  void on_mx(const std::shared_ptr<Search>& search, const std::string& domain, DnsStatus status,
             std::vector<MxRecord> records);
  void on_addresses(const std::shared_ptr<Search>& search, std::size_t place, DnsStatus status,
                    const std::vector<boost::asio::ip::address>& found);

  Dns& dns_;
  std::string own_name_;
  OwnEndpoints own_;
};

}  // namespace cordon::proxy
