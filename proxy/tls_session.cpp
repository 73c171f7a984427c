#include "proxy/tls_session.h"

#include <cerrno>
#include <stdexcept>

#include <boost/asio/error.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include "proxy/tls_error.h"

namespace cordon::proxy {

using boost::system::error_code;

namespace {

SSL* on_descriptor(SSL* session, int descriptor) {
  // BIO_NOCLOSE: the descriptor stays the socket's own.
  if (SSL_set_fd(session, descriptor) != 1) {
    SSL_free(session);
    throw std::runtime_error("TLS: " + take_tls_reason());
  }
  return session;
}

}  // namespace

void TlsSession::Free::operator()(SSL* session) const { SSL_free(session); }

TlsSession::TlsSession(ServerTls tls, int descriptor)
    : server_(std::move(tls)), session_(on_descriptor(server_->new_session(), descriptor)) {
  SSL_set_accept_state(session_.get());
}

TlsSession::TlsSession(ClientTls tls, const std::string& name, int descriptor)
    : client_(std::move(tls)), session_(on_descriptor(client_->new_session(name), descriptor)) {
  SSL_set_connect_state(session_.get());
}

Step TlsSession::handshake() {
  if (!session_) return ended();
  ERR_clear_error();
  const int result = SSL_do_handshake(session_.get());
  if (result != 1) return judge(result);
  if (client_) trouble_ = client_->pin_trouble(session_.get());
  if (!trouble_.empty()) return {0, Want::nothing, tls_error(wrong_certificate)};
  established_ = true;
  return {};
}

Step TlsSession::read_some(std::span<char> room) {
  if (!session_) return ended();
  ERR_clear_error();
  std::size_t got = 0;
  const int result = SSL_read_ex(session_.get(), room.data(), room.size(), &got);
  if (result == 1) return {got, Want::nothing, {}};
  return judge(result);
}

Step TlsSession::write_some(std::string_view bytes) {
  if (!session_) return ended();
  ERR_clear_error();
  std::size_t sent = 0;
  const int result = SSL_write_ex(session_.get(), bytes.data(), bytes.size(), &sent);
  if (result == 1) return {sent, Want::nothing, {}};
  return judge(result);
}

// Records are read one at a time (no read-ahead), so what is not decrypted yet is still in the
// socket, and makes it readable.
bool TlsSession::pending() const { return session_ && SSL_pending(session_.get()) > 0; }

// SSL_get_error(3) tells what each case means.
Step TlsSession::judge(int result) {
  const int saved = errno;
  switch (SSL_get_error(session_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {0, Want::read, {}};
    case SSL_ERROR_WANT_WRITE:
      return {0, Want::write, {}};
    case SSL_ERROR_ZERO_RETURN:
      return {0, Want::nothing, boost::asio::error::eof};
    case SSL_ERROR_SYSCALL:
      broken_ = true;
      if (ERR_peek_error() == 0) {
        const error_code lost = saved == 0 ? error_code(boost::asio::error::eof)
                                           : error_code(saved, boost::system::system_category());
        if (!established_) trouble_ = "connection lost in the handshake";
        return {0, Want::nothing, lost};
      }
      [[fallthrough]];
    default:
      return failed(ERR_get_error());
  }
}

Step TlsSession::failed(unsigned long reason) {
  broken_ = true;
  trouble_ = reason == 0 ? "unknown" : tls_reason(reason);
  const long verdict = SSL_get_verify_result(session_.get());
  const bool asked = SSL_get_verify_mode(session_.get()) != SSL_VERIFY_NONE;
  if (client_ && asked && verdict != X509_V_OK && !established_)
    trouble_ += std::string(": ") + X509_verify_cert_error_string(verdict);
  return {0, Want::nothing, tls_error(reason)};
}

void TlsSession::end() {
  if (established_ && !broken_) {
    ERR_clear_error();
    SSL_shutdown(session_.get());  // whatever comes of it
  }
  established_ = false;
  session_.reset();
}

Step TlsSession::ended() { return {0, Want::nothing, boost::asio::error::bad_descriptor}; }

TlsFacts TlsSession::facts() const {
  const SSL* session = session_.get();
  TlsFacts facts;
  if (session == nullptr) return facts;
  facts.version = SSL_get_version(session);
  if (const SSL_CIPHER* cipher = SSL_get_current_cipher(session)) {
    facts.cipher = SSL_CIPHER_standard_name(cipher);
    facts.bits = SSL_CIPHER_get_bits(cipher, nullptr);
  }
  if (const char* name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name))
    facts.server_name = name;
  facts.verified = client_ && client_->demanding();
  facts.resumed = SSL_session_reused(session) == 1;
  return facts;
}

}  // namespace cordon::proxy
