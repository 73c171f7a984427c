#include "proxy/listener.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>

#include "proxy/address_text.h"
#include "proxy/log.h"

namespace cordon::proxy {

using boost::asio::ip::tcp;
using boost::system::error_code;

namespace {

// "127.0.0.1:2525", "[::1]:25". Checked when the settings were read.
tcp::endpoint endpoint_of(const std::string& text) {
  const auto colon = text.rfind(':');
  std::string host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  error_code error;
  const auto address = boost::asio::ip::make_address(host, error);
  if (error || colon == std::string::npos)
    throw std::runtime_error("listener address " + text + ": not an IP address and port");
  return {address, static_cast<std::uint16_t>(std::stoul(text.substr(colon + 1)))};
}

// "m3k9f2-17": unique over restarts, short enough for every log line.
std::string next_session_id() {
  static const std::string run = [] {
    constexpr char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    auto seconds = static_cast<std::uint64_t>(wall_now().time_since_epoch().count() / 1000);
    std::string text;
    for (; seconds != 0; seconds /= 36) text.insert(text.begin(), digits[seconds % 36]);
    return text;
  }();
  static std::atomic<std::uint64_t> count{0};
  return run + "-" + std::to_string(++count);
}

SessionTerms terms_of(Gateway& gateway, const std::shared_ptr<const Config>& config,
                      std::size_t index) {
  return {config, config->terms(index), gateway.offers().options(config, index)};
}

}  // namespace

Listener::Listener(boost::asio::io_context& context, const SessionServices& services,
                   std::vector<std::unique_ptr<Worker>>& workers, std::size_t index)
    : services_(services),
      workers_(workers),
      bound_(terms_of(services.gateway, services.gateway.config(), index)),
      acceptor_(context),
      pause_(context) {
  const std::string& address = bound_.listener->settings.address;
  const auto endpoint = endpoint_of(address);
  try {
    acceptor_.open(endpoint.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address(true));
    if (endpoint.address().is_v6()) acceptor_.set_option(boost::asio::ip::v6_only(true));
    acceptor_.bind(endpoint);
    acceptor_.listen(4096);
  } catch (const boost::system::system_error& fault) {
    throw std::runtime_error("cannot listen on " + address + ": " + fault.code().message());
  }
}

void Listener::start() {
  log::info("listener.open", {{"listener", bound_.listener->settings.name}, {"port", port()}});
  accept();
}

void Listener::stop() {
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
}

Worker& Listener::least_loaded() {
  return **std::min_element(workers_.begin(), workers_.end(), [](const auto& a, const auto& b) {
    return a->sessions() < b->sessions();
  });
}

void Listener::accept() {
  Worker& worker = least_loaded();
  acceptor_.async_accept(
      worker.context(), [this, &worker](const error_code& error, tcp::socket socket) {
        if (!acceptor_.is_open()) return;
        if (!error) {
          welcome(std::move(socket), worker);
          return accept();
        }
        // A full descriptor table would otherwise make this loop spin.
        log::warn("listener.accept_failed",
                  {{"listener", bound_.listener->settings.name}, {"why", error.message()}});
        pause_.expires_after(std::chrono::milliseconds(100));
        pause_.async_wait([this](const error_code& cancelled) {
          if (!cancelled) accept();
        });
      });
}

SessionTerms Listener::terms() const {
  const auto config = services_.gateway.config();
  const auto& listeners = config->settings().listeners;
  for (std::size_t i = 0; i < listeners.size(); ++i)
    if (listeners[i].name == bound_.listener->settings.name)
      return terms_of(services_.gateway, config, i);
  SessionTerms as_bound = bound_;
  as_bound.config = config;
  return as_bound;
}

void Listener::welcome(tcp::socket socket, Worker& worker) {
  error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return;
  SessionTerms terms = this->terms();
  const std::string host = address_text(remote.address());
  const auto& limits = terms.config->settings().limits;
  Doorkeeper::Place place;
  const auto verdict = terms.listener->must_send_proxy_header(host)
                           ? services_.door.enter_unnamed(limits, place)
                           : services_.door.enter(host, limits, place);
  if (verdict != Doorkeeper::Verdict::welcome) return turn_away(socket, host, terms, verdict);
  auto& gateway = services_.gateway;
  gateway.counters().sessions.fetch_add(1, std::memory_order_relaxed);
  Peer peer = gateway.make_peer(host, terms.listener->settings, next_session_id());
  const auto session = std::make_shared<Session>(
      std::move(socket), worker, services_, std::move(terms), std::move(peer), std::move(place));
  boost::asio::post(worker.context(), [session, &worker] {
    worker.add(session);
    session->start();
  });
}

// Before it can cost anything. The reply fits any socket buffer; a client that waits for TLS could
// not read it.
void Listener::turn_away(tcp::socket& socket, const std::string& host, const SessionTerms& terms,
                         Doorkeeper::Verdict verdict) {
  const bool often = verdict == Doorkeeper::Verdict::too_often;
  if (verdict == Doorkeeper::Verdict::full)  // of the others the doorkeeper tells, once a minute
    log::warn("session.refused", {{"client", host}, {"why", "max_sessions"}});
  if (terms.listener->settings.tls == ListenerTls::implicit) return;
  const std::string reply = (often ? "421 4.7.0 " : "421 4.3.2 ") + terms.config->hostname() +
                            (often ? " Too many connections" : " Too many sessions") +
                            ", try later\r\n";
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(boost::asio::buffer(reply), ignored);
}

}  // namespace cordon::proxy
