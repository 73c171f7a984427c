#include "proxy/tls_error.h"

#include <array>
#include <cstring>

#include <openssl/err.h>

namespace cordon::proxy {

namespace {

// Boost's category has a protected destructor that is not virtual, which is as it should be.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
class TlsCategory final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "tls"; }
  std::string message(int value) const override {
    if (value == wrong_certificate) return "not the certificate that was asked for";
    return "TLS: " + tls_reason(static_cast<unsigned int>(value));
  }
};
#pragma GCC diagnostic pop

}  // namespace

boost::system::error_code tls_error(unsigned long reason) {
  static const TlsCategory category;
  // OpenSSL's codes have 32 bits; 0 would mean success.
  const int value = static_cast<int>(static_cast<unsigned int>(reason));
  return {value == 0 ? wrong_certificate : value, category};
}

std::string tls_reason(unsigned long reason) {
  if (ERR_SYSTEM_ERROR(reason)) return std::strerror(ERR_GET_REASON(reason));
  if (const char* words = ERR_reason_error_string(reason)) return words;
  std::array<char, 256> text{};
  ERR_error_string_n(reason, text.data(), text.size());
  return text.data();
}

std::string take_tls_reason() {
  const unsigned long reason = ERR_get_error();
  ERR_clear_error();
  return reason == 0 ? "unknown" : tls_reason(reason);
}

}  // namespace cordon::proxy
