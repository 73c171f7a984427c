#include "proxy/listener.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "proxy/log.h"
#include "proxy/session.h"

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

// An IPv4 client is the same host over either kind of listener.
std::string address_text(const boost::asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    return boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6())
        .to_string();
  return address.to_string();
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

}  // namespace

Doorkeeper::Verdict Doorkeeper::enter(const std::string& host, const Settings::Limits& limits) {
  const std::lock_guard lock(mutex_);
  if (all_ >= limits.max_sessions) return Verdict::full;
  auto& here = by_host_[host];
  if (here >= limits.max_sessions_per_host) return Verdict::host_full;
  ++here;
  ++all_;
  return Verdict::welcome;
}

void Doorkeeper::leave(const std::string& host) {
  const std::lock_guard lock(mutex_);
  --all_;
  const auto found = by_host_.find(host);
  if (found != by_host_.end() && --found->second == 0) by_host_.erase(found);
}

Listener::Listener(boost::asio::io_context& context, Gateway& gateway, Doorkeeper& door,
                   std::vector<std::unique_ptr<Worker>>& workers, std::size_t index)
    : context_(context),
      gateway_(gateway),
      door_(door),
      workers_(workers),
      bound_{gateway.config()->settings().listeners.at(index),
             gateway.config()->server_options(index)},
      acceptor_(context),
      pause_(context) {
  const std::string& address = bound_.settings.address;
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

std::uint16_t Listener::port() const { return acceptor_.local_endpoint().port(); }

void Listener::start() {
  log::info("listener.open", {{"listener", bound_.settings.name}, {"port", port()}});
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
                  {{"listener", bound_.settings.name}, {"why", error.message()}});
        pause_.expires_after(std::chrono::milliseconds(100));
        pause_.async_wait([this](const error_code& cancelled) {
          if (!cancelled) accept();
        });
      });
}

Listener::Terms Listener::terms(const Config& config) const {
  const auto& listeners = config.settings().listeners;
  for (std::size_t i = 0; i < listeners.size(); ++i)
    if (listeners[i].name == bound_.settings.name) return {listeners[i], config.server_options(i)};
  return bound_;
}

void Listener::welcome(tcp::socket socket, Worker& worker) {
  error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) return;
  const auto config = gateway_.config();
  const std::string host = address_text(remote.address());
  const auto verdict = door_.enter(host, config->settings().limits);
  if (verdict != Doorkeeper::Verdict::welcome) {
    // Refused before it can cost anything; the reply fits any socket buffer.
    log::warn(
        "session.refused",
        {{"client", host},
         {"why", verdict == Doorkeeper::Verdict::full ? "max_sessions" : "max_sessions_per_host"}});
    const std::string reply =
        "421 4.3.2 " + config->hostname() + " Too many sessions, try later\r\n";
    socket.non_blocking(true, error);
    socket.write_some(boost::asio::buffer(reply), error);
    return;
  }
  gateway_.counters().sessions.fetch_add(1, std::memory_order_relaxed);
  const auto [settings, options] = terms(*config);
  Peer peer = gateway_.make_peer(host, settings, next_session_id());
  const auto session = std::shared_ptr<Session>(
      new Session(std::move(socket), worker, gateway_, std::move(peer), options, config),
      [&door = door_, host](Session* ended) {
        delete ended;
        door.leave(host);
      });
  boost::asio::post(worker.context(), [session, &worker] {
    worker.add(session);
    session->start();
  });
}

}  // namespace cordon::proxy
