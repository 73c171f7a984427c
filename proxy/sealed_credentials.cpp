#include "proxy/sealed_credentials.h"

#include <algorithm>
#include <memory>

#include <openssl/evp.h>

namespace cordon::proxy {

namespace {

constexpr std::size_t nonce_octets = std::tuple_size_v<SealNonce>;
constexpr std::size_t tag_octets = 16;
constexpr std::size_t overhead = 1 + nonce_octets + tag_octets;
constexpr std::size_t length_octets = 4;
constexpr std::size_t padding = 64;
constexpr std::size_t longest = 1 << 20;  // of a text; far above what AUTH takes

const unsigned char* octets_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* octets_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

struct Free {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }  // wipes it
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, Free>;

std::array<unsigned char, 8> associated(store::MessageId message) {
  std::array<unsigned char, 8> octets{};
  auto rest = static_cast<std::uint64_t>(message);
  for (auto place = octets.rbegin(); place != octets.rend(); ++place, rest >>= 8)
    *place = static_cast<unsigned char>(rest);
  return octets;
}

// Null without memory.
Cipher start(const store::MessageKey& key, const unsigned char* nonce, store::MessageId message,
             int sealing) {
  Cipher cipher(EVP_CIPHER_CTX_new());
  const auto about = associated(message);
  int octets = 0;
  if (!cipher ||
      EVP_CipherInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.octets.data(), nonce,
                        sealing) != 1 ||
      EVP_CipherUpdate(cipher.get(), nullptr, &octets, about.data(),
                       static_cast<int>(about.size())) != 1)
    return nullptr;
  return cipher;
}

bool carry(EVP_CIPHER_CTX* cipher, unsigned char* to, std::string_view from) {
  int octets = 0;
  return EVP_CipherUpdate(cipher, to, &octets, octets_of(from), static_cast<int>(from.size())) == 1;
}

bool finish(EVP_CIPHER_CTX* cipher) {
  unsigned char none = 0;  // GCM has nothing left over
  int octets = 0;
  return EVP_CipherFinal_ex(cipher, &none, &octets) == 1;
}

void append(std::string& text, std::string_view field) {
  for (int shift = 24; shift >= 0; shift -= 8) text += static_cast<char>(field.size() >> shift);
  text += field;
}

// Takes a field off the front of `text`; false if there is no whole one.
bool take(std::string_view& text, std::string& field) {
  if (text.size() < length_octets) return false;
  std::size_t length = 0;
  for (const char octet : text.substr(0, length_octets))
    length = length << 8 | static_cast<unsigned char>(octet);
  text.remove_prefix(length_octets);
  if (length > text.size()) return false;
  field = text.substr(0, length);
  text.remove_prefix(length);
  return true;
}

}  // namespace

// Reserved whole: growing would leave parts of the secret behind.
std::string write_credentials(const smtp::Credentials& credentials) {
  const std::size_t octets = 1 + 3 * length_octets + credentials.authorize_as.size() +
                             credentials.user.size() + credentials.secret.size();
  const std::size_t padded = (octets + padding - 1) / padding * padding;
  std::string text;
  text.reserve(padded);
  text += static_cast<char>(credentials.mechanism);
  append(text, credentials.authorize_as);
  append(text, credentials.user);
  append(text, credentials.secret);
  text.resize(padded);
  return text;
}

std::optional<smtp::Credentials> read_credentials(std::string_view text) {
  if (text.empty() || text.size() % padding != 0 || text.size() > longest) return std::nullopt;
  smtp::Credentials credentials;
  credentials.mechanism = smtp::Mechanism{static_cast<std::uint8_t>(text.front())};
  if (smtp::name_of(credentials.mechanism).empty()) return std::nullopt;
  text.remove_prefix(1);
  if (!take(text, credentials.authorize_as) || !take(text, credentials.user) ||
      !take(text, credentials.secret))
    return std::nullopt;
  if (text.size() >= padding || text.find_first_not_of('\0') != std::string_view::npos)
    return std::nullopt;
  return credentials;
}

std::string seal_credentials(const store::MessageKey& key, const SealNonce& nonce,
                             store::MessageId message, const smtp::Credentials& credentials) {
  std::string text = write_credentials(credentials);
  std::string sealed(overhead + text.size(), '\0');
  sealed.front() = sealed_version;
  std::copy(nonce.begin(), nonce.end(), sealed.begin() + 1);
  const Cipher cipher = start(key, nonce.data(), message, 1);
  const bool done = cipher && text.size() <= longest &&
                    carry(cipher.get(), octets_of(sealed) + 1 + nonce_octets, text) &&
                    finish(cipher.get()) &&
                    EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_GET_TAG, tag_octets,
                                        octets_of(sealed) + sealed.size() - tag_octets) == 1;
  smtp::wipe(text);
  return done ? sealed : std::string();
}

std::optional<smtp::Credentials> open_credentials(const store::MessageKey& key,
                                                  store::MessageId message,
                                                  std::string_view sealed) {
  if (sealed.size() < overhead || sealed.size() > overhead + longest ||
      sealed.front() != sealed_version)
    return std::nullopt;
  std::string tag(sealed.substr(sealed.size() - tag_octets));
  const Cipher cipher = start(key, octets_of(sealed) + 1, message, 0);
  sealed.remove_prefix(1 + nonce_octets);
  sealed.remove_suffix(tag_octets);
  std::string text(sealed.size(), '\0');
  const bool genuine =
      cipher && carry(cipher.get(), octets_of(text), sealed) &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_AEAD_SET_TAG, tag_octets, tag.data()) == 1 &&
      finish(cipher.get());
  auto credentials = genuine ? read_credentials(text) : std::nullopt;
  smtp::wipe(text);
  return credentials;
}

}  // namespace cordon::proxy
