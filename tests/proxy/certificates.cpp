#include "certificates.h"

#include <cstdio>
#include <stdexcept>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

namespace cordon::proxy {

namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

File create(const std::string& path) {
  File file(std::fopen(path.c_str(), "wx"), std::fclose);
  if (!file) throw std::runtime_error("cannot create " + path);
  return file;
}

}  // namespace

Authority::Authority() : key_(make_key()), certificate_(nullptr, X509_free) {
  std::string pattern = "/tmp/cordon-certificates-XXXXXX";
  folder_ = mkdtemp(pattern.data());
  certificate_ =
      make(key_.get(), "Authority of " + folder_.string(), "basicConstraints", "critical,CA:TRUE");
  write(file(), *certificate_);
}

Authority::~Authority() { std::filesystem::remove_all(folder_); }

std::string Authority::file() const { return path("authority.pem"); }

Authority::Key Authority::make_key() { return {EVP_EC_gen("P-256"), EVP_PKEY_free}; }

void Authority::write(const std::string& file, const X509& certificate) {
  PEM_write_X509(create(file).get(), &certificate);
}

Authority::Certificate Authority::make(EVP_PKEY* key, const std::string& common_name,
                                       const std::string& extension,
                                       const std::string& value) const {
  Certificate made(X509_new(), X509_free);
  X509* certificate = made.get();
  static long serial = 0;
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1,
                             0);
  X509_set_issuer_name(certificate,
                       X509_get_subject_name(certificate_ ? certificate_.get() : certificate));
  X509_EXTENSION* made_extension =
      X509V3_EXT_conf(nullptr, nullptr, extension.c_str(), value.c_str());
  if (made_extension == nullptr) throw std::runtime_error("bad extension " + value);
  X509_add_ext(certificate, made_extension, -1);
  X509_EXTENSION_free(made_extension);
  X509_sign(certificate, key_.get(), EVP_sha256());
  return made;
}

CertificateSettings Authority::issue(const std::string& name,
                                     const std::vector<std::string>& names) const {
  std::string value;
  for (const std::string& one : names) value += (value.empty() ? "" : ",") + one;
  const Key key = make_key();
  const Certificate certificate = make(key.get(), name, "subjectAltName", value);
  CertificateSettings files{path(name + ".pem"), path(name + ".key")};
  write(files.chain, *certificate);
  PEM_write_PrivateKey(create(files.key).get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  std::filesystem::permissions(
      files.key, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  return files;
}

}  // namespace cordon::proxy
