#include "proxy/local_credentials.h"

#include <utility>

#include <boost/asio/post.hpp>

#include "proxy/host_rates.h"
#include "proxy/listener_terms.h"

namespace cordon::proxy {

namespace {

// Acting for somebody else (RFC 4616's authzid) is nobody's right here.
bool is_right(const PasswordFile& passwords, const smtp::Credentials& given) {
  const bool for_himself = given.authorize_as.empty() || given.authorize_as == given.user;
  return passwords.verify(given.user, given.secret) && for_himself;
}

}  // namespace

void LocalCredentials::check(std::shared_ptr<const ListenerTerms> terms,
                             const smtp::ClientFacts& client, smtp::Credentials credentials,
                             Done done) {
  const std::string host = host_of(client.address);
  using Kind = CredentialVerdict::Kind;
  if (!terms->passwords || !enter(host)) return done({});
  boost::asio::post(pool_, [this, terms = std::move(terms), host, given = std::move(credentials),
                            done = std::move(done)] {
    const bool right = is_right(*terms->passwords, given);
    leave(host);
    done({.kind = right ? Kind::right : Kind::wrong});
  });
}

void LocalCredentials::stop() {
  pool_.stop();
  pool_.join();
}

bool LocalCredentials::enter(const std::string& host) {
  const std::lock_guard lock(mutex_);
  if (waiting_ >= most_waiting) return false;
  std::size_t& here = by_host_[host];
  if (here >= most_of_a_host) return false;
  ++here;
  ++waiting_;
  return true;
}

void LocalCredentials::leave(const std::string& host) {
  const std::lock_guard lock(mutex_);
  --waiting_;
  const auto found = by_host_.find(host);
  if (--found->second == 0) by_host_.erase(found);
}

}  // namespace cordon::proxy
