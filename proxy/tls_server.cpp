#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <unordered_map>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "proxy/ticket_keys.h"
#include "proxy/tls_context.h"
#include "proxy/tls_error.h"
#include "proxy/tls_setup.h"

namespace cordon::proxy {

struct ServerTls::Certificates {
  TicketKeys tickets;
  std::vector<TlsContext> contexts;  // the first is the default
  std::vector<Expiry> expiries;
  std::unordered_map<std::string, SSL_CTX*> by_name;  // lower case; "*.example.com" as it stands

  // nullptr if no certificate is for that name.
  SSL_CTX* find(std::string name) const;
};

namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

[[noreturn]] void refuse(const std::string& file, const std::string& reason) {
  throw std::runtime_error(file + ": " + reason);
}

// Whoever has the key can be us.
void check_key_file(const std::string& file) {
  struct stat facts {};
  if (stat(file.c_str(), &facts) != 0) refuse(file, std::strerror(errno));
  if ((facts.st_mode & S_IROTH) != 0)
    refuse(file, "may be read by everybody; take that away: chmod o= " + file);
}

void load(SSL_CTX* context, const CertificateSettings& files) {
  check_key_file(files.key);
  // A key under a passphrase would be asked for at the terminal.
  SSL_CTX_set_default_passwd_cb(context, [](char*, int, int, void*) { return 0; });
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context, files.chain.c_str()) != 1)
    refuse(files.chain, take_tls_reason());
  if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    // What the X.509 part complains of is that certificate and key are no pair.
    const bool strange = ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_X509;
    refuse(files.key,
           (strange ? "does not belong to " + files.chain + ": " : "") + take_tls_reason());
  }
}

// The DNS names that a certificate is for (RFC 6125 6.4.4: a common name counts no longer).
std::vector<std::string> names_of(const SSL_CTX* context) {
  std::vector<std::string> names;
  const X509* certificate = SSL_CTX_get0_certificate(context);
  const std::unique_ptr<GENERAL_NAMES, void (*)(GENERAL_NAMES*)> all(
      static_cast<GENERAL_NAMES*>(
          X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)),
      GENERAL_NAMES_free);
  for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
    if (name->type != GEN_DNS) continue;
    const ASN1_STRING* text = name->d.dNSName;
    names.push_back(lower({reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                           static_cast<std::size_t>(ASN1_STRING_length(text))}));
  }
  return names;
}

std::chrono::system_clock::time_point end_of(const SSL_CTX* context) {
  std::tm parts{};
  ASN1_TIME_to_tm(X509_get0_notAfter(SSL_CTX_get0_certificate(context)), &parts);
  return std::chrono::system_clock::from_time_t(timegm(&parts));
}

// A client that knows which protocol it speaks, and names others only, was led here by somebody
// else (ALPACA, Brinkmann et al. 2021); most mail clients name none.
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* length,
                    const unsigned char* offered, unsigned octets, void*) {
  static constexpr unsigned char ours[] = "\4smtp\5esmtp";
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, length, ours, sizeof ours - 1, offered, octets) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

SSL_CTX* ServerTls::Certificates::find(std::string name) const {
  name = lower(std::move(name));
  if (const auto exact = by_name.find(name); exact != by_name.end()) return exact->second;
  const auto dot = name.find('.');
  if (dot == std::string::npos) return nullptr;
  const auto wild = by_name.find("*" + name.substr(dot));
  return wild == by_name.end() ? nullptr : wild->second;
}

ServerTls::ServerTls(std::span<const CertificateSettings> certificates) {
  auto made = std::make_shared<Certificates>();
  for (const CertificateSettings& files : certificates) {
    TlsContext context = make_tls_context(TLS_server_method());
    load(context.get(), files);
    for (std::string& name : names_of(context.get()))
      made->by_name.emplace(std::move(name), context.get());
    // Sessions are resumed by ticket only: nothing is kept here for clients that are gone.
    made->tickets.serve(context.get());
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context.get(), 1);
    SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
    made->expiries.push_back({files.chain, end_of(context.get())});
    made->contexts.push_back(std::move(context));
  }
  if (made->contexts.empty()) throw std::runtime_error("TLS: there is no certificate");
  SSL_CTX* first = made->contexts.front().get();
  SSL_CTX_set_tlsext_servername_callback(
      first, +[](SSL* session, int*, void* known) -> int {
        const char* name = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
        if (name == nullptr) return SSL_TLSEXT_ERR_OK;
        if (SSL_CTX* found = static_cast<const Certificates*>(known)->find(name))
          SSL_set_SSL_CTX(session, found);
        return SSL_TLSEXT_ERR_OK;
      });
  SSL_CTX_set_tlsext_servername_arg(first, made.get());
  certificates_ = std::move(made);
}

std::vector<ServerTls::Expiry> ServerTls::expiries() const { return certificates_->expiries; }

SSL* ServerTls::new_session() const {
  SSL* session = SSL_new(certificates_->contexts.front().get());
  if (session == nullptr) throw std::runtime_error("TLS: " + take_tls_reason());
  return session;
}

}  // namespace cordon::proxy
