// What TLS is done with: certificates and demands, made from settings, immutable, shared by all
// connections that began under them. Cheap to copy: copies share. Any thread. A reload makes new
// ones; connections keep theirs.
//
// Both: TLS 1.2 and 1.3 only, forward secrecy and authenticated encryption, no compression, no
// renegotiation (RFC 9325, RFC 8314 4.1).
#pragma once

#include <chrono>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "proxy/settings.h"

typedef struct ssl_st SSL;

namespace cordon::proxy {

// Of a finished handshake: for Received fields and the log.
struct TlsFacts {
  std::string version;      // "TLSv1.3"
  std::string cipher;       // the registered name: "TLS_AES_256_GCM_SHA384"
  int bits = 0;             // of the cipher
  std::string server_name;  // that the client asked for; empty if it named none
  bool verified = false;    // the peer's certificate was asked for, and is good
  bool resumed = false;
};

// The server's side.
class ServerTls {
 public:
  // Certificates with their keys, at least one: the first for clients that name no server or an
  // unknown one, each other for the names that it has as DNS names (RFC 6125; "*" for one label).
  // Throws std::runtime_error naming the file and the reason; also if a key may be read by all.
  explicit ServerTls(std::span<const CertificateSettings> certificates);

  struct Expiry {
    std::string file;
    std::chrono::system_clock::time_point at;
  };
  // When each certificate is no longer good.
  std::vector<Expiry> expiries() const;

  // A fresh session for one connection, which must not outlive this or a copy of this.
  SSL* new_session() const;

 private:
  struct Certificates;
  std::shared_ptr<const Certificates> certificates_;
};

// Whom a client takes for the right server.
struct ClientTlsDemands {
  bool verify = false;  // a certificate from a known authority, for the server's name
  std::string ca_file;  // PEM, the authorities; empty: the system's
  std::vector<std::string>
      pins;  // SHA-256 of the certificate or of its public key (RFC 7469 2.4),
             // as hex, ":" allowed. If there are any, one must match, and
             // neither authority nor name is asked for: that is what they are for
};

// The client's side.
class ClientTls {
 public:
  // Throws std::runtime_error if the authorities cannot be read, or a pin is none.
  explicit ClientTls(const ClientTlsDemands& demands);

  bool demanding() const;  // a handshake that succeeded has verified the server

  // A fresh session for one connection to the server `name`, a name or an IP address.
  SSL* new_session(const std::string& name) const;
  // After the handshake: empty if the server's certificate meets the pins, or there are none; else
  // what is wrong, with the digests that would fit.
  std::string pin_trouble(const SSL* session) const;

 private:
  struct Demands;
  std::shared_ptr<const Demands> demands_;
};

// "ab:CD..." as 64 lower-case hex digits; empty if it is no SHA-256.
std::string pin_digits(const std::string& text);

}  // namespace cordon::proxy
