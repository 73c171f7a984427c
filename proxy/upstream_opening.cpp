// The way of an upstream connection to its dialogue: name, TCP, PROXY header, TLS.
#include <algorithm>
#include <stdexcept>
#include <utility>

#include "proxy/log.h"
#include "proxy/upstream_connection.h"
#include "smtp/proxy_header.h"

namespace cordon::proxy {

using boost::asio::ip::tcp;
using boost::system::error_code;

namespace {

// The least that an address gets of the time to connect, however many there are.
constexpr std::chrono::seconds least_share{5};

bool implicit_tls(const UpstreamRoute& route) { return route.tls && route.settings.implicit_tls; }

// Where the password must not go in plain, nothing does: without it the mail would be refused.
bool may_do_without_tls(const UpstreamRoute& route, const Login& login) {
  return route.settings.tls == UpstreamTls::opportunistic && !implicit_tls(route) &&
         ((!route.credentials && !login) || route.settings.auth_in_plain);
}

smtp::ClientOptions options_for(const UpstreamRoute& route, const DeliveryJob& job,
                                const std::string& helo_name, bool in_plain) {
  using StartTls = smtp::ClientOptions::StartTls;
  smtp::ClientOptions options{.helo_name = helo_name};
  if (route.tls && !route.settings.implicit_tls && !in_plain) {
    options.starttls = route.settings.tls == UpstreamTls::opportunistic ? StartTls::if_offered
                                                                        : StartTls::required;
  }
  if (job.login) {
    options.credentials = *job.login;
    if (route.settings.tell_client == TellClient::xclient) options.client = job.client;
    if (options.client) options.client->login.clear();
  } else {
    options.credentials = route.credentials;
    options.mechanisms = route.mechanisms;
  }
  options.auth_in_plain = route.settings.auth_in_plain;
  return options;
}

}  // namespace

UpstreamConnection::UpstreamConnection(UpstreamPool& pool, boost::asio::io_context& context,
                                       const Destination& destination,
                                       const UpstreamPool::Task& first, UpstreamPool::Use use,
                                       bool in_plain)
    : pool_(pool),
      destination_(destination),
      route_(first.route),
      login_(first.job->login),
      use_(use),
      // What was found out under other rules does not undo a TLS that is required by now.
      in_plain_(in_plain && may_do_without_tls(*route_, login_)),
      transport_(context),
      resolver_(context),
      timer_(context),
      dialogue_(options_for(*route_, *first.job, pool.helo_name_, in_plain_)) {}

void UpstreamConnection::open(UpstreamPool::Task task) {
  task_ = std::move(task);
  error_code is_name;
  const auto address = boost::asio::ip::make_address(destination_.host, is_name);
  if (!is_name) return connect({tcp::endpoint(address, destination_.port)});
  limit(route_->settings.connect_timeout, "resolve");
  resolver_.async_resolve(
      destination_.host, std::to_string(destination_.port),
      [self = shared_from_this()](const error_code& error,
                                  const tcp::resolver::results_type& found) {
        if (self->closed_) return;
        if (!error && !found.empty()) return self->connect({found.begin(), found.end()});
        self->fail(
            {451, {4, 4, 3}, "cannot resolve " + self->destination_.host + ": " + error.message()});
      });
}

// One address after the other (RFC 5321 5.1). Each has its share of the time: behind one that
// never answers the mail must still get to the next.
void UpstreamConnection::connect(std::deque<tcp::endpoint> found) {
  const std::chrono::milliseconds whole = route_->settings.connect_timeout;
  const auto even = whole / static_cast<std::int64_t>(found.size());
  share_ = std::min(whole, std::max<std::chrono::milliseconds>(even, least_share));
  addresses_ = std::move(found);
  connect_to_first();
}

void UpstreamConnection::connect_to_first() {
  error_code ignored;
  transport_.socket().close(ignored);
  limit(share_, "connect");
  transport_.socket().async_connect(
      addresses_.front(),
      [self = shared_from_this(), left = addresses_.size()](const error_code& error) {
        if (self->closed_ || self->addresses_.size() != left) return;  // its time was over
        if (error) {
          return self->try_next_address({451, {4, 4, 1}, "cannot connect: " + error.message()});
        }
        self->addresses_.clear();
        self->on_connected();
      });
}

void UpstreamConnection::try_next_address(const smtp::Reply& why) {
  addresses_.pop_front();
  if (addresses_.empty()) return fail(why);
  connect_to_first();
}

void UpstreamConnection::on_connected() {
  error_code ignored;
  transport_.socket().set_option(tcp::no_delay(true), ignored);
  transport_.socket().non_blocking(true, ignored);
  if (route_->settings.tell_client == TellClient::proxy) tell_client_by_proxy();
  if (!implicit_tls(*route_)) return begin_dialogue();
  write_then([this] {
    start_tls([this] {
      dialogue_.tls_started();
      begin_dialogue();
    });
  });
}

// In front of all else, also of TLS (proxy-protocol.txt 2). Mail of nobody's is the gateway's own,
// and says so: Postfix takes no UNKNOWN.
void UpstreamConnection::tell_client_by_proxy() {
  told_ = client_of(*task_.job);
  error_code ignored;
  const auto server = transport_.socket().remote_endpoint(ignored);
  const auto own = transport_.socket().local_endpoint(ignored);
  const smtp::ClientFacts gateway{.address = own.address().to_string(), .port = own.port()};
  const bool known = told_ && !told_->address.empty();
  queue(smtp::format_proxy_header(smtp::ProxyVersion::v1, known ? *told_ : gateway,
                                  server.address().to_string(), server.port()),
        false);
}

void UpstreamConnection::begin_dialogue() {
  dialogue_.connected();
  drive();
}

void UpstreamConnection::start_tls(const std::function<void()>& then) {
  const std::string& wanted = route_->settings.tls_name;
  const std::string& known = destination_.name.empty() ? destination_.host : destination_.name;
  limit(route_->settings.connect_timeout, "TLS handshake");
  in_handshake_ = true;
  try {
    transport_.start_client(*route_->tls, wanted.empty() ? known : wanted);
  } catch (const std::runtime_error& error) {
    return on_tls_failed(error.what());
  }
  handshake(then);
}

void UpstreamConnection::handshake(const std::function<void()>& then) {
  const Step step = transport_.handshake();
  if (step.error) {
    const std::string trouble = transport_.tls_trouble();
    return on_tls_failed(trouble.empty() ? step.error.message() : trouble);
  }
  if (step.want != Want::nothing) return wait(step.want, [this, then] { handshake(then); });
  in_handshake_ = false;
  then();
}

// Opportunistic TLS protects from who listens, not from who interferes (RFC 7435): better in plain
// than not at all. Where it is required the mail waits, and the reason is told; so it does where
// the password would not be sent in plain.
void UpstreamConnection::on_tls_failed(const std::string& why) {
  in_handshake_ = false;
  log::warn("upstream.tls_failed", {{"route", destination_.route},
                                    {"host", destination_.host},
                                    {"port", destination_.port},
                                    {"why", why}});
  if (in_plain_ || !may_do_without_tls(*route_, login_) || !task_.job) {
    return fail({454, {4, 7, 5}, "TLS with the next server failed: " + why});
  }
  // Once, whatever can be remembered of the server: the message itself knows that it goes in plain.
  pool_.speak_plain(destination_);
  task_.in_plain = true;
  pool_.try_again(destination_, std::exchange(task_, {}));
  shut();
}

}  // namespace cordon::proxy
