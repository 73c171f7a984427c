#include "store/key_record.h"

#include <algorithm>

#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace cordon::store {
namespace {

constexpr std::size_t made_at = 8;
constexpr std::size_t key_at = 16;
constexpr std::size_t check_at = 48;

void put_number(std::uint8_t* to, std::int64_t number) {
  auto rest = static_cast<std::uint64_t>(number);
  for (int place = 7; place >= 0; --place, rest >>= 8) to[place] = static_cast<std::uint8_t>(rest);
}

std::int64_t number_at(const std::uint8_t* from) {
  std::uint64_t number = 0;
  for (int place = 0; place < 8; ++place) number = (number << 8) | from[place];
  return static_cast<std::int64_t>(number);
}

std::array<std::uint8_t, SHA256_DIGEST_LENGTH> check_of(const std::uint8_t* record) {
  std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
  SHA256(record, check_at, digest.data());
  return digest;
}

}  // namespace

MessageKey::~MessageKey() { OPENSSL_cleanse(octets.data(), octets.size()); }

KeyOctets::~KeyOctets() { OPENSSL_cleanse(octets.data(), octets.size()); }

bool KeyOctets::free() const {
  return std::all_of(octets.begin(), octets.end(), [](std::uint8_t octet) { return octet == 0; });
}

KeyOctets write_key_record(const KeyRecord& record) {
  KeyOctets written;
  std::uint8_t* const to = written.octets.data();
  put_number(to, static_cast<std::int64_t>(record.message));
  put_number(to + made_at, record.made.time_since_epoch().count());
  std::copy(record.key.octets.begin(), record.key.octets.end(), to + key_at);
  const auto check = check_of(to);
  std::copy_n(check.begin(), key_record_octets - check_at, to + check_at);
  return written;
}

std::optional<KeyRecord> read_key_record(const KeyOctets& octets) {
  const std::uint8_t* const from = octets.octets.data();
  const auto check = check_of(from);
  if (!std::equal(from + check_at, from + key_record_octets, check.begin())) return std::nullopt;
  KeyRecord record;
  record.message = MessageId{number_at(from)};
  if (record.message < MessageId{1}) return std::nullopt;
  record.made = WallTime(WallTime::duration(number_at(from + made_at)));
  std::copy_n(from + key_at, record.key.octets.size(), record.key.octets.begin());
  return record;
}

}  // namespace cordon::store
