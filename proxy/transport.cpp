#include "proxy/transport.h"

#include <boost/asio/buffer.hpp>

#include "proxy/tls_session.h"

namespace cordon::proxy {

using boost::asio::ip::tcp;
using boost::system::error_code;

namespace {

Step step_of(std::size_t octets, const error_code& error, Want want) {
  if (error == boost::asio::error::would_block || error == boost::asio::error::try_again)
    return {0, want, {}};
  if (error) return {0, Want::nothing, error};
  return {octets, Want::nothing, {}};
}

}  // namespace

Transport::Transport(tcp::socket socket) : socket_(std::move(socket)) {
  error_code ignored;  // a socket that is gone says so when it is used
  socket_.non_blocking(true, ignored);
}

Transport::Transport(boost::asio::io_context& context) : socket_(context) {}

Transport::~Transport() = default;
Transport::Transport(Transport&&) noexcept = default;
Transport& Transport::operator=(Transport&&) noexcept = default;

bool Transport::secured() const { return tls_ && tls_->established(); }

Step Transport::read_some(std::span<char> room) {
  if (tls_) return tls_->read_some(room);
  error_code error;
  const auto got = socket_.read_some(boost::asio::buffer(room.data(), room.size()), error);
  return step_of(got, error, Want::read);
}

Step Transport::write_some(std::string_view bytes) {
  if (tls_) return tls_->write_some(bytes);
  error_code error;
  const auto sent = socket_.write_some(boost::asio::buffer(bytes), error);
  return step_of(sent, error, Want::write);
}

bool Transport::pending() const { return tls_ && tls_->pending(); }

void Transport::start_server(const ServerTls& tls) {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  tls_ = std::make_unique<TlsSession>(tls, socket_.native_handle());
}

void Transport::start_client(const ClientTls& tls, const std::string& name) {
  error_code ignored;
  socket_.non_blocking(true, ignored);
  tls_ = std::make_unique<TlsSession>(tls, name, socket_.native_handle());
}

Step Transport::handshake() { return tls_->handshake(); }

TlsFacts Transport::tls_facts() const { return tls_->facts(); }

std::string Transport::tls_trouble() const { return tls_ ? tls_->trouble() : std::string(); }

void Transport::cancel() {
  error_code ignored;
  socket_.cancel(ignored);
}

void Transport::close() {
  if (!socket_.is_open()) return;
  error_code ignored;
  if (tls_) tls_->end();
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  socket_.close(ignored);
}

}  // namespace cordon::proxy
