// OpenSSL's errors as error codes and words. Its queue of errors is a thread's own.
#pragma once

#include <string>

#include <boost/system/error_code.hpp>

namespace cordon::proxy {

// The certificate is none of those that were asked for; in this category beside OpenSSL's codes.
inline constexpr int wrong_certificate = 1;

// `reason` as ERR_get_error() gives it.
boost::system::error_code tls_error(unsigned long reason);
std::string tls_reason(unsigned long reason);

// The oldest error of this thread's queue, which is emptied; "unknown" if there is none.
std::string take_tls_reason();

}  // namespace cordon::proxy
