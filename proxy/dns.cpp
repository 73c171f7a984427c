#include "proxy/dns.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>
#include <utility>

#include <ares.h>
#include <arpa/nameser.h>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <netinet/in.h>
#include <sys/time.h>

namespace cordon::proxy {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

namespace {

DnsStatus status_of(int status) {
  switch (status) {
    case ARES_SUCCESS:
      return DnsStatus::found;
    case ARES_ENODATA:
      return DnsStatus::no_data;
    case ARES_ENOTFOUND:
      return DnsStatus::no_name;
    default:
      return DnsStatus::failed;
  }
}

std::string joined(const std::vector<std::string>& servers) {
  std::string csv;
  for (const std::string& server : servers) csv += (csv.empty() ? "" : ",") + server;
  return csv;
}

// Once for the process (ares_library_init(3)); never undone, as other threads may run at its end.
void start_library() {
  static const int status = ares_library_init(ARES_LIB_INIT_ALL);
  if (status != ARES_SUCCESS)
    throw std::runtime_error(std::string("c-ares: ") + ares_strerror(status));
}

}  // namespace

// The channel of c-ares, and its sockets as the event loop sees them. c-ares owns the sockets: each
// is watched while it says so, and let go before it closes it.
class Dns::Channel {
 public:
  Channel(boost::asio::io_context& context, const Options& options)
      : context_(context), timer_(context) {
    start_library();
    ares_options given{};
    given.timeout = static_cast<int>(options.timeout.count());
    given.tries = options.tries;
    given.sock_state_cb = [](void* self, ares_socket_t socket, int read, int write) {
      static_cast<Channel*>(self)->watch(socket, read != 0, write != 0);
    };
    given.sock_state_cb_data = this;
    given.ndomains = 0;
    const int mask =
        ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB | ARES_OPT_DOMAINS;
    check(ares_init_options(&channel_, &given, mask));
    if (options.servers.empty()) return;
    const int status = ares_set_servers_ports_csv(channel_, joined(options.servers).c_str());
    if (status != ARES_SUCCESS) ares_destroy(channel_);
    check(status);
  }

  ~Channel() {
    *alive_ = false;
    ares_destroy(channel_);  // answers what is open; nobody is told any more
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  void mx(const std::string& domain, MxAnswer answer) {
    auto* waiting = new Waiting<MxAnswer>{this, std::move(answer)};
    ares_query(channel_, domain.c_str(), ns_c_in, ns_t_mx, on_mx, waiting);
    arm();
  }

  // A question for each family: c-ares would tell the status of whichever was answered last, and
  // a trouble that may pass must not look like an address that is not there.
  void addresses(const std::string& name, AddressAnswer answer) {
    error_code no_literal;
    const auto literal = boost::asio::ip::make_address(name, no_literal);
    if (!no_literal) return tell(std::move(answer), DnsStatus::found, std::vector{literal});
    const auto both = std::make_shared<Families>();
    both->answer = std::move(answer);
    for (const int family : {AF_INET6, AF_INET}) {
      ares_addrinfo_hints hints{};
      hints.ai_family = family;
      hints.ai_socktype = SOCK_STREAM;
      ares_getaddrinfo(channel_, name.c_str(), nullptr, &hints, on_addresses,
                       new Asked{this, both, family});
    }
    arm();
  }

 private:
  template <typename Answer>
  struct Waiting {
    Channel* channel;
    Answer answer;
  };
  // The answers about one name.
  struct Families {
    AddressAnswer answer;
    int open = 2;
    bool failed = false;
    bool no_name = false;
    std::vector<boost::asio::ip::address> v6;
    std::vector<boost::asio::ip::address> v4;
  };
  struct Asked {
    Channel* channel;
    std::shared_ptr<Families> both;
    int family;
  };
  struct Socket {
    explicit Socket(boost::asio::io_context& context, ares_socket_t socket)
        : descriptor(context, socket) {}
    stream_descriptor descriptor;
    bool read = false;  // wanted
    bool write = false;
    bool waits_read = false;  // a wait is under way
    bool waits_write = false;
  };

  static void check(int status) {
    if (status != ARES_SUCCESS)
      throw std::runtime_error(std::string("dns: ") + ares_strerror(status));
  }

  // c-ares may answer from within the question, and while it is torn down.
  template <typename Answer, typename Records>
  void tell(Answer answer, DnsStatus status, Records records) {
    boost::asio::post(context_, [alive = alive_, answer = std::move(answer), status,
                                 records = std::move(records)]() mutable {
      if (*alive) answer(status, std::move(records));
    });
  }

  static void on_mx(void* arg, int status, int /*timeouts*/, unsigned char* bytes, int length) {
    const std::unique_ptr<Waiting<MxAnswer>> waiting(static_cast<Waiting<MxAnswer>*>(arg));
    if (!*waiting->channel->alive_) return;
    std::vector<MxRecord> records;
    if (status == ARES_SUCCESS) {
      ares_mx_reply* found = nullptr;
      status = ares_parse_mx_reply(bytes, length, &found);
      for (const auto* one = found; status == ARES_SUCCESS && one != nullptr; one = one->next) {
        std::string exchange = one->host;
        if (!exchange.empty() && exchange.back() == '.') exchange.pop_back();
        records.push_back({one->priority, std::move(exchange)});
      }
      if (found != nullptr) ares_free_data(found);
      // An answer without any record of the kind, such as an alias that leads nowhere.
      if (status == ARES_SUCCESS && records.empty()) status = ARES_ENODATA;
    }
    waiting->channel->tell(std::move(waiting->answer), status_of(status), std::move(records));
  }

  static void on_addresses(void* arg, int status, int /*timeouts*/, ares_addrinfo* found) {
    const std::unique_ptr<Asked> asked(static_cast<Asked*>(arg));
    const std::unique_ptr<ares_addrinfo, decltype(&ares_freeaddrinfo)> owned(found, free_if_there);
    if (!*asked->channel->alive_) return;
    Families& both = *asked->both;
    const DnsStatus is = status_of(status);
    both.failed = both.failed || is == DnsStatus::failed;
    both.no_name = both.no_name || is == DnsStatus::no_name;
    auto& addresses = asked->family == AF_INET6 ? both.v6 : both.v4;
    for (const auto* node = found == nullptr ? nullptr : found->nodes; node != nullptr;
         node = node->ai_next)
      addresses.push_back(address_of(*node));
    if (--both.open == 0) asked->channel->tell_both(both);
  }

  static void free_if_there(ares_addrinfo* found) {
    if (found != nullptr) ares_freeaddrinfo(found);
  }

  static boost::asio::ip::address address_of(const ares_addrinfo_node& node) {
    if (node.ai_family == AF_INET) {
      sockaddr_in v4{};
      std::memcpy(&v4, node.ai_addr, sizeof v4);
      return boost::asio::ip::address_v4(ntohl(v4.sin_addr.s_addr));
    }
    sockaddr_in6 v6{};
    std::memcpy(&v6, node.ai_addr, sizeof v6);
    boost::asio::ip::address_v6::bytes_type octets{};
    std::memcpy(octets.data(), &v6.sin6_addr, octets.size());
    return boost::asio::ip::address_v6(octets);
  }

  // In turns, so that a family that leads nowhere here costs one try and not all of them.
  void tell_both(Families& both) {
    std::vector<boost::asio::ip::address> all;
    for (std::size_t i = 0; i < std::max(both.v6.size(), both.v4.size()); ++i) {
      if (i < both.v6.size()) all.push_back(both.v6[i]);
      if (i < both.v4.size()) all.push_back(both.v4[i]);
    }
    const DnsStatus status = !all.empty()   ? DnsStatus::found
                             : both.failed  ? DnsStatus::failed
                             : both.no_name ? DnsStatus::no_name
                                            : DnsStatus::no_data;
    tell(std::move(both.answer), status, std::move(all));
  }

  // From c-ares: what it waits for on a socket now; nothing: it is about to close it.
  void watch(ares_socket_t number, bool read, bool write) {
    const auto known = sockets_.find(number);
    if (!read && !write) {
      if (known == sockets_.end()) return;
      known->second->descriptor.release();
      sockets_.erase(known);
      return;
    }
    auto socket = known != sockets_.end()
                      ? known->second
                      : (sockets_[number] = std::make_shared<Socket>(context_, number));
    socket->read = read;
    socket->write = write;
    wait(number, socket);
  }

  void wait(ares_socket_t number, const std::shared_ptr<Socket>& socket) {
    if (socket->read && !std::exchange(socket->waits_read, true))
      socket->descriptor.async_wait(
          stream_descriptor::wait_read,
          [this, alive = alive_, number, socket](const error_code& cancelled) {
            socket->waits_read = false;
            if (!cancelled && *alive) ready(number, socket, number, ARES_SOCKET_BAD);
          });
    if (socket->write && !std::exchange(socket->waits_write, true))
      socket->descriptor.async_wait(
          stream_descriptor::wait_write,
          [this, alive = alive_, number, socket](const error_code& cancelled) {
            socket->waits_write = false;
            if (!cancelled && *alive) ready(number, socket, ARES_SOCKET_BAD, number);
          });
  }

  void ready(ares_socket_t number, const std::shared_ptr<Socket>& socket, ares_socket_t read,
             ares_socket_t write) {
    ares_process_fd(channel_, read, write);
    const auto known = sockets_.find(number);
    if (known != sockets_.end() && known->second == socket) wait(number, socket);
    arm();
  }

  // c-ares keeps no timer of its own: it wants to be asked when its next time-out is over.
  void arm() {
    timeval most{60, 0};
    timeval next{};
    const timeval* wait = ares_timeout(channel_, &most, &next);
    timer_.expires_after(std::chrono::seconds(wait->tv_sec) +
                         std::chrono::microseconds(wait->tv_usec) + std::chrono::milliseconds(1));
    if (sockets_.empty()) return;  // nothing is asked
    timer_.async_wait([this, alive = alive_](const error_code& cancelled) {
      if (cancelled || !*alive) return;
      ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
      arm();
    });
  }

  boost::asio::io_context& context_;
  boost::asio::steady_timer timer_;
  ares_channel channel_ = nullptr;
  std::map<ares_socket_t, std::shared_ptr<Socket>> sockets_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

Dns::Dns(boost::asio::io_context& context, const Options& options)
    : channel_(std::make_unique<Channel>(context, options)) {}
Dns::~Dns() = default;

void Dns::mx(const std::string& domain, MxAnswer answer) {
  channel_->mx(domain, std::move(answer));
}

void Dns::addresses(const std::string& name, AddressAnswer answer) {
  channel_->addresses(name, std::move(answer));
}

}  // namespace cordon::proxy
