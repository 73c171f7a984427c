#include "baits/siphash.h"

#include <bit>
#include <cstddef>
#include <random>

namespace cordon::baits {
namespace {

class SipState {
 public:
  explicit SipState(const HashKey& key)
      : v0_(key.low ^ 0x736f6d6570736575),
        v1_(key.high ^ 0x646f72616e646f6d),
        v2_(key.low ^ 0x6c7967656e657261),
        v3_(key.high ^ 0x7465646279746573) {}

  void absorb(std::uint64_t word) {
    v3_ ^= word;
    rounds(2);
    v0_ ^= word;
  }

  std::uint64_t finish() {
    v2_ ^= 0xff;
    rounds(4);
    return v0_ ^ v1_ ^ v2_ ^ v3_;
  }

 private:
  void rounds(int count) {
    for (int i = 0; i < count; ++i) {
      v0_ += v1_;
      v1_ = std::rotl(v1_, 13) ^ v0_;
      v0_ = std::rotl(v0_, 32);
      v2_ += v3_;
      v3_ = std::rotl(v3_, 16) ^ v2_;
      v0_ += v3_;
      v3_ = std::rotl(v3_, 21) ^ v0_;
      v2_ += v1_;
      v1_ = std::rotl(v1_, 17) ^ v2_;
      v2_ = std::rotl(v2_, 32);
    }
  }

  std::uint64_t v0_;
  std::uint64_t v1_;
  std::uint64_t v2_;
  std::uint64_t v3_;
};

// Octets as a little-endian number, whatever the machine's own order; compilers make it one load.
std::uint64_t little_endian(const char* octets, std::size_t count) {
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < count; ++i) {
    word |= std::uint64_t{static_cast<unsigned char>(octets[i])} << (8 * i);
  }
  return word;
}

std::uint64_t eight_octets(const char* octets) { return little_endian(octets, 8); }

}  // namespace

HashKey random_hash_key() {
  std::random_device source;
  const auto word = [&source] {
    const std::uint64_t high = source();
    return (high << 32) | (source() & 0xffffffffU);
  };
  HashKey key;
  key.low = word();
  key.high = word();
  return key;
}

std::uint64_t siphash(const HashKey& key, std::string_view text) {
  SipState state{key};
  const char* at = text.data();
  std::size_t left = text.size();
  for (; left >= 8; left -= 8, at += 8) state.absorb(eight_octets(at));
  state.absorb(little_endian(at, left) | (std::uint64_t{text.size() & 0xff} << 56));
  return state.finish();
}

}  // namespace cordon::baits
