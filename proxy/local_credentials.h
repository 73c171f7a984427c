// AUTH by a password file: verifies on threads of its own, since hashing is slow on purpose. Who
// guesses keeps himself waiting: one host has only a few tries under way, and the others' go in
// turn.
#pragma once

#include <mutex>
#include <unordered_map>

#include <boost/asio/thread_pool.hpp>

#include "proxy/credential_check.h"

namespace cordon::proxy {

class LocalCredentials : public CredentialCheck {
 public:
  static constexpr std::size_t most_waiting = 256;  // tries, in all
  static constexpr std::size_t most_of_a_host = 8;

  explicit LocalCredentials(std::size_t threads = 1) : pool_(threads) {}
  ~LocalCredentials() override { stop(); }

  void check(std::shared_ptr<const ListenerTerms> terms, const smtp::ClientFacts& client,
             smtp::Credentials credentials, Done done) override;
  void stop() override;

 private:
  bool enter(const std::string& host);
  void leave(const std::string& host);

  std::mutex mutex_;
  std::size_t waiting_ = 0;
  std::unordered_map<std::string, std::size_t> by_host_;
  boost::asio::thread_pool pool_;
};

}  // namespace cordon::proxy
