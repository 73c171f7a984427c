// What both sides of TLS set up alike.
#pragma once

#include <memory>

typedef struct ssl_ctx_st SSL_CTX;
typedef struct ssl_method_st SSL_METHOD;

namespace cordon::proxy {

struct FreeTlsContext {
  void operator()(SSL_CTX* context) const;
};
using TlsContext = std::unique_ptr<SSL_CTX, FreeTlsContext>;

// A context with the defaults of tls_context.h. Throws std::runtime_error if OpenSSL has no memory.
TlsContext make_tls_context(const SSL_METHOD* method);

}  // namespace cordon::proxy
