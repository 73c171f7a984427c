// One TCP connection, plain or under TLS. Plain it has no buffer of its own and costs no more than
// its socket. Under TLS, OpenSSL works on the non-blocking descriptor itself, and gives its buffers
// back while the connection idles: Asio's ssl::stream would keep 34 KiB for each. Belongs to one
// thread, that of its socket's io_context. SIGPIPE must be ignored by the program.
//
// Nothing blocks. A call that cannot go on says what to wait for; async_wait() for that, and call
// again, a write with the same octets in front.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/ip/tcp.hpp>

#include "proxy/tls_context.h"

namespace cordon::proxy {

enum class Want : std::uint8_t { nothing, read, write };

// What a call came to: octets > 0 were carried; or `want` is to be waited for; or there is an
// error, boost::asio::error::eof at the end of what the other side sends.
struct Step {
  std::size_t octets = 0;
  Want want = Want::nothing;
  boost::system::error_code error;
};

class TlsSession;

class Transport {
 public:
  explicit Transport(boost::asio::ip::tcp::socket socket);
  explicit Transport(boost::asio::io_context& context);  // unconnected: open it by socket()
  ~Transport();
  Transport(Transport&&) noexcept;
  Transport& operator=(Transport&&) noexcept;

  boost::asio::ip::tcp::socket& socket() { return socket_; }
  bool secured() const;  // the handshake is done

  Step read_some(std::span<char> room);     // `room` is not empty
  Step write_some(std::string_view bytes);  // nor are `bytes`
  // Decrypted octets wait inside: no readability will be signalled for them.
  bool pending() const;

  // Begins TLS on a connected socket. Nothing that the other side said in plain may be unread in
  // the caller's hands. `name`: the server's name (SNI, and what its certificate must be for), or
  // its address. Afterwards only handshake() until it is done. Throw std::runtime_error if OpenSSL
  // has no memory.
  void start_server(const ServerTls& tls);
  void start_client(const ClientTls& tls, const std::string& name);
  // octets is always 0. Want::nothing without error: done, and the peer is whom `tls` asks for.
  Step handshake();
  TlsFacts tls_facts() const;  // of a secured connection
  // Why TLS failed, for the log: OpenSSL's words, and what is wrong with the certificate. Empty if
  // it did not.
  std::string tls_trouble() const;

  // `handler(error_code)`, once; operation_aborted after cancel() or close().
  template <typename Handler>
  void async_wait(Want want, Handler handler) {
    using Socket = boost::asio::ip::tcp::socket;
    socket_.async_wait(want == Want::write ? Socket::wait_write : Socket::wait_read,
                       std::move(handler));
  }
  void cancel();
  // With close_notify, if that can be sent without waiting. Again is harmless.
  void close();

 private:
  boost::asio::ip::tcp::socket socket_;
  std::unique_ptr<TlsSession> tls_;  // before the socket goes
};

}  // namespace cordon::proxy
