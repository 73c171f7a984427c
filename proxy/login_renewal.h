// Mail whose credentials have run out (the state needs-credentials) goes on when its user logs in
// again: it is sealed anew and tried at once.
#pragma once

#include <string>

#include "proxy/gateway.h"
#include "proxy/login.h"
#include "proxy/reader_pool.h"

namespace cordon::proxy {

class LoginRenewal {
 public:
  LoginRenewal(Gateway& gateway, ReaderPool& readers) : gateway_(gateway), readers_(readers) {}
  // The real server of `listener` has taken `login`. Any thread; does not wait.
  void logged_in(const std::string& listener, Login login);

 private:
  void renew(const store::AwaitingLogin& message, const Login& login);

  Gateway& gateway_;
  ReaderPool& readers_;
};

}  // namespace cordon::proxy
