// SipHash-2-4, a keyed hash (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012). With
// a key that nobody outside knows, no one can choose addresses that collide in the matcher's table.
// Written here since the table must build wherever a host agent does, and OpenSSL's costs more to
// set up for each short address than the hash itself.
#pragma once

#include <cstdint>
#include <string_view>

namespace cordon::baits {

struct HashKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

// A key from the system's source of randomness. Throws if there is none.
HashKey random_hash_key();

std::uint64_t siphash(const HashKey& key, std::string_view text);

}  // namespace cordon::baits
