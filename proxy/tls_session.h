// TLS over one non-blocking descriptor, which it does not own. Inside Transport, which says what
// the calls mean; one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "proxy/tls_context.h"
#include "proxy/transport.h"

namespace cordon::proxy {

class TlsSession {
 public:
  TlsSession(ServerTls tls, int descriptor);
  TlsSession(ClientTls tls, const std::string& name, int descriptor);

  bool established() const { return established_; }  // and not ended
  Step handshake();
  Step read_some(std::span<char> room);
  Step write_some(std::string_view bytes);
  bool pending() const;
  // With close_notify, if that can be sent at once. Afterwards only trouble() is of use: the
  // descriptor may soon be somebody else's.
  void end();
  TlsFacts facts() const;
  const std::string& trouble() const { return trouble_; }

 private:
  Step judge(int result);
  Step failed(unsigned long reason);
  static Step ended();

  struct Free {
    void operator()(SSL* session) const;
  };
  std::optional<ServerTls> server_;  // what the session is made from must outlive it
  std::optional<ClientTls> client_;
  std::unique_ptr<SSL, Free> session_;
  bool established_ = false;
  bool broken_ = false;  // after a fatal error OpenSSL allows no further call
  std::string trouble_;
};

}  // namespace cordon::proxy
