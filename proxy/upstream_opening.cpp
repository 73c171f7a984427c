// The way of an upstream connection to its dialogue: name, TCP, PROXY header, TLS.
#include <stdexcept>
#include <utility>

#include <boost/asio/connect.hpp>

#include "proxy/log.h"
#include "proxy/upstream_connection.h"
#include "smtp/proxy_header.h"

namespace cordon::proxy {

using boost::asio::ip::tcp;
using boost::system::error_code;

namespace {

bool implicit_tls(const UpstreamRoute& route) { return route.tls && route.settings.implicit_tls; }

smtp::ClientOptions options_for(const UpstreamRoute& route, const std::string& helo_name,
                                bool in_plain) {
  using StartTls = smtp::ClientOptions::StartTls;
  smtp::ClientOptions options{.helo_name = helo_name};
  if (route.tls && !route.settings.implicit_tls && !in_plain) {
    options.starttls = route.settings.tls == UpstreamTls::opportunistic ? StartTls::if_offered
                                                                        : StartTls::required;
  }
  options.credentials = route.credentials;
  options.mechanisms = route.mechanisms;
  options.auth_in_plain = route.settings.auth_in_plain;
  return options;
}

}  // namespace

UpstreamConnection::UpstreamConnection(UpstreamPool& pool, boost::asio::io_context& context,
                                       const Destination& destination,
                                       std::shared_ptr<const UpstreamRoute> route,
                                       UpstreamPool::Times times, UpstreamPool::Use use,
                                       bool in_plain)
    : pool_(pool),
      destination_(destination),
      route_(std::move(route)),
      times_(times),
      use_(use),
      transport_(context),
      resolver_(context),
      timer_(context),
      dialogue_(options_for(*route_, pool.helo_name_, in_plain)) {}

void UpstreamConnection::open(std::shared_ptr<DeliveryJob> job) {
  job_ = std::move(job);
  limit(route_->settings.connect_timeout, "connect");
  resolver_.async_resolve(
      destination_.host, std::to_string(destination_.port),
      [self = shared_from_this()](const error_code& error,
                                  const tcp::resolver::results_type& found) {
        if (self->closed_) return;
        if (!error) return self->connect(found);
        self->fail(
            {451, {4, 4, 3}, "cannot resolve " + self->destination_.host + ": " + error.message()});
      });
}

void UpstreamConnection::connect(const tcp::resolver::results_type& found) {
  boost::asio::async_connect(
      transport_.socket(), found,
      [self = shared_from_this()](const error_code& error, const tcp::endpoint&) {
        if (self->closed_) return;
        if (!error) return self->on_connected();
        self->fail({451, {4, 4, 1}, "cannot connect: " + error.message()});
      });
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
  told_ = job_->client;
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
  const bool may_do_without = route_->settings.tls == UpstreamTls::opportunistic &&
                              !implicit_tls(*route_) &&
                              (!route_->credentials || route_->settings.auth_in_plain);
  if (!may_do_without || !job_) {
    return fail({454, {4, 7, 5}, "TLS with the next server failed: " + why});
  }
  pool_.speak_plain(destination_);
  pool_.try_again(destination_, std::exchange(job_, nullptr));
  shut();
}

}  // namespace cordon::proxy
