#include "proxy/refused_logins.h"

#include <stdexcept>
#include <string>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace cordon::proxy {

namespace {

// Each with its length in front, so that no two lists of fields read the same.
void add(std::string& text, std::string_view field) {
  text += std::to_string(field.size()) + ':';
  text += field;
}

}  // namespace

RefusedLogins::RefusedLogins(std::size_t most) : most_(most) {
  if (RAND_bytes(key_.data(), static_cast<int>(key_.size())) != 1)
    throw std::runtime_error("the system has no randomness");
}

void RefusedLogins::note(const Destination& server, const smtp::Credentials& login) {
  const Digest digest = this->digest(server, login);
  if (!known_.insert(digest).second) return;
  in_order_.push_back(digest);
  if (known_.size() <= most_) return;
  known_.erase(in_order_.front());
  in_order_.pop_front();
}

void RefusedLogins::forget(const Destination& server, const smtp::Credentials& login) {
  if (known_.empty()) return;
  const Digest digest = this->digest(server, login);
  if (known_.erase(digest) != 0) in_order_.remove(digest);
}

bool RefusedLogins::knows(const Destination& server, const smtp::Credentials& login) const {
  return !known_.empty() && known_.contains(digest(server, login));
}

RefusedLogins::Digest RefusedLogins::digest(const Destination& server,
                                            const smtp::Credentials& login) const {
  std::string text;
  // Growing would leave a copy of the secret.
  text.reserve(server.host.size() + login.authorize_as.size() + login.user.size() +
               login.secret.size() + 64);
  add(text, server.host);
  add(text, std::to_string(server.port));
  add(text, login.authorize_as);
  add(text, login.user);
  add(text, login.secret);
  Digest digest{};
  const auto* const made = HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
                                reinterpret_cast<const unsigned char*>(text.data()), text.size(),
                                digest.data(), nullptr);
  smtp::wipe(text);
  if (made == nullptr) throw std::runtime_error("no HMAC");
  return digest;
}

}  // namespace cordon::proxy
