#include "proxy/mail_hosts.h"

#include <algorithm>
#include <optional>
#include <random>
#include <utility>

#include <boost/asio/ip/address.hpp>

#include "smtp/text.h"

namespace cordon::proxy {

using smtp::Reply;

namespace {

// Addresses of one exchanger: a well-equipped one must not hide the next.
constexpr std::size_t most_of_one = 3;

Reply null_mx() { return {556, {5, 1, 10}, "The domain takes no mail (null MX)"}; }
Reply no_domain() { return {550, {5, 1, 2}, "No such domain"}; }
Reply dns_trouble() { return {451, {4, 4, 3}, "The domain name system gave no answer"}; }
Reply loops_back() { return {554, {5, 4, 6}, "Mail for the domain would come back here"}; }
Reply no_host() { return {550, {5, 1, 2}, "The mail hosts of the domain have no address"}; }

}  // namespace

Exchangers exchangers(std::string_view domain, DnsStatus status, std::vector<MxRecord> records,
                      std::string_view own_name, const std::function<std::uint32_t()>& random) {
  if (status == DnsStatus::failed) return {{}, {}, dns_trouble()};
  if (status == DnsStatus::no_name) return {{}, {}, no_domain()};
  if (status == DnsStatus::no_data) {
    if (smtp::same_ignoring_case(domain, own_name)) return {{}, {}, loops_back()};
    return {{std::string(domain)}, {0}, {}};
  }
  // RFC 7505 3: alone, or not meant so. An exchanger with an empty name is no host in either case.
  if (records.size() == 1 && records.front().exchange.empty()) return {{}, {}, null_mx()};
  std::erase_if(records, [](const MxRecord& record) { return record.exchange.empty(); });

  std::vector<std::pair<std::uint64_t, std::string>> order;
  order.reserve(records.size());
  for (MxRecord& record : records)
    order.emplace_back(std::uint64_t{record.preference} << 32 | random(),
                       std::move(record.exchange));
  std::sort(order.begin(), order.end());
  const auto own = std::find_if(order.begin(), order.end(), [&](const auto& one) {
    return smtp::same_ignoring_case(one.second, own_name);
  });
  if (own != order.end()) {
    const std::uint64_t preference = own->first >> 32;
    std::erase_if(order, [&](const auto& one) { return one.first >> 32 >= preference; });
    if (order.empty()) return {{}, {}, loops_back()};
  }
  Exchangers found;
  for (auto& [rank, name] : order) {
    if (found.names.size() == most_exchangers) break;
    found.names.push_back(std::move(name));
    found.preferences.push_back(static_cast<std::uint16_t>(rank >> 32));
  }
  if (found.names.empty()) found.none = no_host();
  return found;
}

std::string literal_address(std::string_view domain) {
  if (domain.size() < 2 || domain.front() != '[' || domain.back() != ']') return {};
  domain = domain.substr(1, domain.size() - 2);
  if (domain.size() > 5 && smtp::same_ignoring_case(domain.substr(0, 5), "IPv6:"))
    domain.remove_prefix(5);
  boost::system::error_code error;
  const auto address = boost::asio::ip::make_address(std::string(domain), error);
  return error ? std::string() : address.to_string();
}

// One domain's search: the addresses of all its exchangers are asked for at once.
struct MailHosts::Search {
  std::function<void(MailHostsFound)> done;
  std::uint16_t port = 0;
  Exchangers exchangers;
  std::vector<std::vector<MailHost>> by_name;
  std::size_t open = 0;
  std::optional<std::uint16_t> own;     // the preference of this host, if it is among them
  std::optional<std::uint16_t> failed;  // the best of those that could not be looked up

  void ask_for(Exchangers found) {
    exchangers = std::move(found);
    by_name.resize(exchangers.names.size());
    open = exchangers.names.size();
  }
  // In order, without this host and those behind it.
  std::vector<MailHost> hosts() {
    std::vector<MailHost> hosts;
    for (std::size_t place = 0; place < by_name.size(); ++place) {
      if (own && exchangers.preferences[place] >= *own) break;
      for (auto& host : by_name[place])
        if (hosts.size() < most_tried_hosts) hosts.push_back(std::move(host));
    }
    return hosts;
  }
};

MailHosts::MailHosts(Dns& dns, std::string own_name) : dns_(dns), own_name_(std::move(own_name)) {}
MailHosts::~MailHosts() = default;

void MailHosts::find(const std::string& domain, std::uint16_t port,
                     std::function<void(MailHostsFound)> done) {
  auto search = std::make_shared<Search>();
  search->done = std::move(done);
  search->port = port;
  if (const std::string literal = literal_address(domain); !literal.empty()) {
    // Its own answer, which comes like any other.
    search->ask_for({{literal}, {0}, {}});
    return dns_.addresses(literal, [this, search](DnsStatus status, const auto& found) {
      on_addresses(search, 0, status, found);
    });
  }
  dns_.mx(domain, [this, search, domain](DnsStatus status, std::vector<MxRecord> records) {
    on_mx(search, domain, status, std::move(records));
  });
}

void MailHosts::on_mx(const std::shared_ptr<Search>& search, const std::string& domain,
                      DnsStatus status, std::vector<MxRecord> records) {
  static thread_local std::minstd_rand random(std::random_device{}());
  auto found = exchangers(domain, status, std::move(records), own_name_,
                          [] { return static_cast<std::uint32_t>(random()); });
  if (found.names.empty()) return search->done(std::move(found.none));
  search->ask_for(std::move(found));
  const auto& names = search->exchangers.names;
  for (std::size_t place = 0; place < names.size(); ++place)
    dns_.addresses(names[place], [this, search, place](DnsStatus is, const auto& addresses) {
      on_addresses(search, place, is, addresses);
    });
}

void MailHosts::on_addresses(const std::shared_ptr<Search>& search, std::size_t place,
                             DnsStatus status, const std::vector<boost::asio::ip::address>& found) {
  const auto preference = search->exchangers.preferences[place];
  if (status == DnsStatus::failed)
    search->failed = std::min(search->failed.value_or(preference), preference);
  for (const auto& address : found) {
    if (own_.contains(address, search->port))
      search->own = std::min(search->own.value_or(preference), preference);
    if (search->by_name[place].size() < most_of_one)
      search->by_name[place].push_back({search->exchangers.names[place], address.to_string()});
  }
  if (--search->open > 0) return;
  auto hosts = search->hosts();
  if (!hosts.empty()) return search->done(std::move(hosts));
  // Better than this host is one that nobody knows the address of for now.
  if (search->failed && (!search->own || *search->failed < *search->own))
    return search->done(dns_trouble());
  search->done(search->own ? loops_back() : no_host());
}

}  // namespace cordon::proxy
