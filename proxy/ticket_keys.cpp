#include "proxy/ticket_keys.h"

#include <algorithm>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>

namespace cordon::proxy {

namespace {

int context_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

bool set_mac(EVP_MAC_CTX* mac, TicketKeys::Key& key) {
  char digest[] = "SHA256";
  const std::array<OSSL_PARAM, 3> parameters = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key.mac.data(), key.mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
}

// What SSL_CTX_set_tlsext_ticket_key_evp_cb(3) calls. 1: done; 2: done, but the client should have
// a new ticket; 0: such a ticket is not ours, so no session is resumed; -1: trouble.
int on_ticket(SSL* session, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
              EVP_MAC_CTX* mac, int making) {
  auto* keys =
      static_cast<TicketKeys*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(session), context_index()));
  const auto now = std::chrono::steady_clock::now();
  auto key = making != 0 ? keys->current(now) : keys->find(name, now);
  if (!key) return making != 0 ? -1 : 0;
  bool fine = set_mac(mac, *key);
  if (making != 0) {
    std::copy(key->name.begin(), key->name.end(), name);
    fine = fine && RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 &&
           EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), iv) == 1;
  } else {
    fine =
        fine && EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), iv) == 1;
  }
  const bool old = now - key->made >= TicketKeys::lifetime;
  if (!fine) return -1;
  return old ? 2 : 1;
}

std::optional<TicketKeys::Key> make_key(TicketKeys::Time now) {
  TicketKeys::Key key;
  key.made = now;
  const auto fill = [](auto& octets) {
    return RAND_bytes(octets.data(), static_cast<int>(octets.size())) == 1;
  };
  if (!fill(key.name) || !fill(key.cipher) || !fill(key.mac)) return std::nullopt;
  return key;
}

}  // namespace

TicketKeys::Key::~Key() {
  OPENSSL_cleanse(cipher.data(), cipher.size());
  OPENSSL_cleanse(mac.data(), mac.size());
}

std::optional<TicketKeys::Key> TicketKeys::current(Time now) {
  const std::lock_guard lock(mutex_);
  if (current_ && now - current_->made < lifetime) return current_;
  if (auto fresh = make_key(now)) {
    previous_ = current_;
    current_ = fresh;
    return fresh;
  }
  return std::nullopt;
}

std::optional<TicketKeys::Key> TicketKeys::find(const unsigned char* name, Time now) {
  const std::lock_guard lock(mutex_);
  for (const auto* key : {&current_, &previous_})
    if (*key && now - (*key)->made < 2 * lifetime &&
        std::equal((*key)->name.begin(), (*key)->name.end(), name))
      return *key;
  return std::nullopt;
}

void TicketKeys::serve(SSL_CTX* context) {
  SSL_CTX_set_ex_data(context, context_index(), this);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket);
}

}  // namespace cordon::proxy
