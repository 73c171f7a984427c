// One key of a message's credentials, as octets of the key file (store/key_file.h):
//
//   0  message id      8, most significant octet first, from 1
//   8  made            8, likewise: milliseconds since 1970
//  16  key            32
//  48  check          16: the first of SHA-256 over the 48 before
//
// 64 zeros are a free record. No I/O.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "store/types.h"

namespace cordon::store {

// Random octets for one message's credentials. No copy leaves anything behind.
struct MessageKey {
  MessageKey() = default;
  MessageKey(const MessageKey&) = default;
  MessageKey& operator=(const MessageKey&) = default;
  ~MessageKey();
  bool operator==(const MessageKey&) const = default;

  std::array<std::uint8_t, 32> octets{};
};

struct KeyRecord {
  MessageId message{};
  WallTime made;
  MessageKey key;
  bool operator==(const KeyRecord&) const = default;
};

inline constexpr std::size_t key_record_octets = 64;
struct KeyOctets {  // likewise
  KeyOctets() = default;
  KeyOctets(const KeyOctets&) = default;
  KeyOctets& operator=(const KeyOctets&) = default;
  ~KeyOctets();
  bool free() const;

  std::array<std::uint8_t, key_record_octets> octets{};
};

KeyOctets write_key_record(const KeyRecord& record);
// Nothing if no record was ever written so: a free one, a torn one, or one that is damaged.
std::optional<KeyRecord> read_key_record(const KeyOctets& octets);

}  // namespace cordon::store
