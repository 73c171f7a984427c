#include "proxy/tls_setup.h"

#include <stdexcept>

#include <openssl/ssl.h>

#include "proxy/tls_error.h"

namespace cordon::proxy {

namespace {

// For TLS 1.2, RFC 9325 4.2; those of TLS 1.3 are all good.
constexpr const char* ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20";

constexpr auto options = SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                         SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                         // Passwords that came in stay in no buffer of OpenSSL's.
                         SSL_OP_CLEANSE_PLAINTEXT |
                         // SMTP says itself where a message ends: a connection that goes without
                         // close_notify cuts nothing short that would count.
                         SSL_OP_IGNORE_UNEXPECTED_EOF;

// RELEASE_BUFFERS: an idle connection keeps none. The others: a write may be tried again from where
// the octets are by then, and may have carried a part of them (SSL_CTX_set_mode(3)).
constexpr auto modes =
    SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER;

}  // namespace

void FreeTlsContext::operator()(SSL_CTX* context) const { SSL_CTX_free(context); }

TlsContext make_tls_context(const SSL_METHOD* method) {
  TlsContext context(SSL_CTX_new(method));
  if (!context || SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1 ||
      SSL_CTX_set_cipher_list(context.get(), ciphers) != 1)
    throw std::runtime_error("TLS: " + take_tls_reason());
  SSL_CTX_set_options(context.get(), options);
  SSL_CTX_set_mode(context.get(), modes);
  // A record without content (a key update) ends a read, so that endless ones hold up nobody else.
  SSL_CTX_clear_mode(context.get(), SSL_MODE_AUTO_RETRY);
  return context;
}

}  // namespace cordon::proxy
