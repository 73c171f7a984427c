#include <algorithm>
#include <array>
#include <stdexcept>

#include <boost/asio/ip/address.hpp>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "proxy/tls_context.h"
#include "proxy/tls_error.h"
#include "proxy/tls_setup.h"

namespace cordon::proxy {

struct ClientTls::Demands {
  TlsContext context;
  bool verify = false;            // by authority and name
  std::vector<std::string> pins;  // as pin_digits() has them
};

namespace {

constexpr std::size_t pin_octets = 32;  // SHA-256

std::string hex(std::span<const unsigned char> octets) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char octet : octets) {
    text += digits[octet >> 4];
    text += digits[octet & 15];
  }
  return text;
}

std::string certificate_digest(const X509* certificate) {
  std::array<unsigned char, pin_octets> digest{};
  unsigned length = 0;
  if (X509_digest(certificate, EVP_sha256(), digest.data(), &length) != 1) return {};
  return hex(digest);
}

// Of the SubjectPublicKeyInfo (RFC 7469 2.4): outlives a renewal that keeps the key.
std::string key_digest(X509* certificate) {
  unsigned char* encoded = nullptr;
  const int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded);
  if (length <= 0) return {};
  std::array<unsigned char, pin_octets> digest{};
  const int done = EVP_Digest(encoded, static_cast<std::size_t>(length), digest.data(), nullptr,
                              EVP_sha256(), nullptr);
  OPENSSL_free(encoded);
  return done == 1 ? hex(digest) : std::string();
}

void load_authorities(SSL_CTX* context, const std::string& file) {
  ERR_clear_error();
  if (file.empty() ? SSL_CTX_set_default_verify_paths(context) == 1
                   : SSL_CTX_load_verify_file(context, file.c_str()) == 1)
    return;
  throw std::runtime_error((file.empty() ? "the system's certificate authorities" : file) + ": " +
                           take_tls_reason());
}

bool is_address(const std::string& name) {
  boost::system::error_code error;
  boost::asio::ip::make_address(name, error);
  return !error;
}

}  // namespace

std::string pin_digits(const std::string& text) {
  std::string digits;
  for (const char c : text) {
    if (c == ':') continue;
    const char small = c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c;
    const bool fine = (small >= '0' && small <= '9') || (small >= 'a' && small <= 'f');
    if (!fine) return {};
    digits += small;
  }
  return digits.size() == 2 * pin_octets ? digits : std::string();
}

ClientTls::ClientTls(const ClientTlsDemands& demands) {
  auto made = std::make_shared<Demands>();
  made->context = make_tls_context(TLS_client_method());
  for (const std::string& pin : demands.pins) {
    made->pins.push_back(pin_digits(pin));
    if (made->pins.back().empty())
      throw std::runtime_error("pin " + pin + ": not 64 hexadecimal digits (SHA-256)");
  }
  made->verify = demands.verify && made->pins.empty();
  if (made->verify) {
    load_authorities(made->context.get(), demands.ca_file);
    SSL_CTX_set_verify(made->context.get(), SSL_VERIFY_PEER, nullptr);
  }
  demands_ = std::move(made);
}

bool ClientTls::demanding() const { return demands_->verify || !demands_->pins.empty(); }

SSL* ClientTls::new_session(const std::string& given) const {
  std::string name = given;
  if (name.ends_with('.')) name.pop_back();
  SSL* session = SSL_new(demands_->context.get());
  if (session == nullptr) throw std::runtime_error("TLS: " + take_tls_reason());
  bool fine = true;
  if (is_address(name)) {  // RFC 6066 3: an address is no server name
    fine =
        !demands_->verify || X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session), name.c_str());
  } else if (!name.empty()) {
    SSL_set_hostflags(session, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    fine = SSL_set_tlsext_host_name(session, name.c_str()) == 1 &&
           (!demands_->verify || SSL_set1_host(session, name.c_str()) == 1);
  }
  // Without a name to check any certificate of a known authority would do.
  if (fine && !(demands_->verify && name.empty())) return session;
  SSL_free(session);
  throw std::runtime_error("TLS: no server name to verify: \"" + given + "\"");
}

std::string ClientTls::pin_trouble(const SSL* session) const {
  const auto& pins = demands_->pins;
  if (pins.empty()) return {};
  const std::unique_ptr<X509, void (*)(X509*)> certificate(SSL_get1_peer_certificate(session),
                                                           X509_free);
  if (!certificate) return "the server has no certificate";
  const std::string whole = certificate_digest(certificate.get());
  const std::string key = key_digest(certificate.get());
  const auto fits = [&](const std::string& pin) { return pin == whole || pin == key; };
  if (std::any_of(pins.begin(), pins.end(), fits)) return {};
  return "the certificate meets no pin; its digest is " + whole + ", that of its key " + key;
}

}  // namespace cordon::proxy
