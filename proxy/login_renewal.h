// Mail whose credentials have run out (the state needs-credentials) goes on when its user logs in
// again: it is sealed anew and tried at once. What waits with another secret of the user's, such as
// that from before a change of password, is sealed anew as well: it would only be refused.
#pragma once

#include <string>

#include "proxy/gateway.h"
#include "proxy/login.h"
#include "proxy/reader_pool.h"

namespace cordon::proxy {

class LoginRenewal {
 public:
  LoginRenewal(Gateway& gateway, ReaderPool& readers) : gateway_(gateway), readers_(readers) {}
  // The real server of `listener` has taken `login`, for whatever listener goes there. Any thread;
  // does not wait.
  void logged_in(const std::string& listener, Login login);

 private:
  // What one listener took.
  void renew_all(store::Reader& reader, const std::string& listener, const Login& login);
  bool has_other_secret(const store::SealedLogin& message, const Login& login);
  void renew(const store::AwaitingLogin& message, const Login& login);

  Gateway& gateway_;
  ReaderPool& readers_;
};

}  // namespace cordon::proxy
