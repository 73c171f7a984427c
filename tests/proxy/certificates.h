// Certificates for tests, made on the spot: an authority and what it signs, as PEM files in a
// private folder that goes with the object.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "proxy/settings.h"

namespace cordon::proxy {

class Authority {
 public:
  Authority();
  ~Authority();
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  std::string file() const;  // its own certificate
  std::string path(const std::string& name) const { return folder_ / name; }
  // A certificate for `names` ("DNS:mail.example", "IP:127.0.0.1"), in files called `name`.
  CertificateSettings issue(const std::string& name, const std::vector<std::string>& names) const;

 private:
  using Key = std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)>;
  using Certificate = std::unique_ptr<X509, void (*)(X509*)>;
  static Key make_key();
  static void write(const std::string& file, const X509& certificate);
  Certificate make(EVP_PKEY* key, const std::string& common_name, const std::string& extension,
                   const std::string& value) const;

  std::filesystem::path folder_;
  Key key_;
  Certificate certificate_;
};

}  // namespace cordon::proxy
