// Credentials as the database keeps them: sealed by AES-256-GCM (NIST SP 800-38D) under a key that
// is made for this one text and kept elsewhere (store/key_file.h), with the message id as
// associated data, so that no other message's row is taken for it. No I/O, no clock.
//
// Sealed:  version 1 | nonce 12 | encrypted text | tag 16
// Text:    mechanism 1 (a bit of smtp::Mechanism), then authorize_as, user and secret, each as its
//          length in 4 octets, most significant first, and its octets; then zeros up to a multiple
//          of 64, since a length would tell something of the secret when the key is long gone.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/credentials.h"
#include "store/key_record.h"

namespace cordon::proxy {

inline constexpr char sealed_version = 1;

using SealNonce = std::array<std::uint8_t, 12>;  // random

// Empty if the system has no memory for it.
std::string seal_credentials(const store::MessageKey& key, const SealNonce& nonce,
                             store::MessageId message, const smtp::Credentials& credentials);
// Nothing for another key, another message, a changed octet or another version.
std::optional<smtp::Credentials> open_credentials(const store::MessageKey& key,
                                                  store::MessageId message,
                                                  std::string_view sealed);

// The text within; holds the secret, so the caller wipes it.
std::string write_credentials(const smtp::Credentials& credentials);
std::optional<smtp::Credentials> read_credentials(std::string_view text);

}  // namespace cordon::proxy
