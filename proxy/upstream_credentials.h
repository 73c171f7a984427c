// AUTH by the real server (auth_verify = "upstream"): what the client gave is tried there during
// the session, over a connection of its own, and the server's refusal is passed on in its words. So
// a client sees what it would see without Cordon, whether its origin is cordoned or not. A login
// that is right also sets free what waits for its user.
//
// A bait is never sent upstream, also not as a name to log in with (proxy/bait_login.h).
#pragma once

#include <chrono>
#include <map>
#include <string>

#include <boost/asio/io_context.hpp>

#include "proxy/bait_login.h"
#include "proxy/credential_check.h"
#include "proxy/gateway.h"
#include "proxy/login_renewal.h"
#include "proxy/upstream.h"

namespace cordon::proxy {

class UpstreamCredentials : public CredentialCheck {
 public:
  // A client waits for the answer.
  static constexpr std::chrono::seconds patience{30};
  // Of one host, at once. Above it the answer is `unknown`.
  static constexpr std::uint32_t most_of_a_host = 8;

  // `upstreams` lives on `context`, and both outlive this.
  UpstreamCredentials(boost::asio::io_context& context, Gateway& gateway, ReaderPool& readers,
                      UpstreamPool& upstreams)
      : context_(context), gateway_(gateway), upstreams_(upstreams), renewal_(gateway, readers) {}

  void check(std::shared_ptr<const ListenerTerms> terms, const smtp::ClientFacts& client,
             smtp::Credentials credentials, Done done) override;
  void stop() override {}  // the pool's end is that of its questions

 private:
  struct Open;
  void ask(const std::string& listener, const smtp::ClientFacts& client, Login login, Done done);
  void answer(Open& open, const CredentialVerdict& verdict);

  boost::asio::io_context& context_;
  Gateway& gateway_;
  UpstreamPool& upstreams_;
  LoginRenewal renewal_;
  const StandIns stand_ins_;
  std::map<std::string, std::uint32_t> open_;  // by host; on the context
};

}  // namespace cordon::proxy
