#include "baits/idna.h"

#include <cstdint>
#include <memory>

#include <idn2.h>

namespace cordon::baits {
namespace {

struct Freed {
  void operator()(char* text) const { idn2_free(text); }
};
using IdnText = std::unique_ptr<char, Freed>;

constexpr int rules = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL;

IdnText decoded(const std::string& label) {
  char* text = nullptr;
  if (idn2_to_unicode_8z8z(label.c_str(), &text, 0) != IDN2_OK) return nullptr;
  return IdnText{text};
}

}  // namespace

std::optional<std::string> idna_label(std::string_view label) {
  if (label.empty() || label.find('\0') != std::string_view::npos) return std::nullopt;
  // An A-label is decoded first, so that one which encodes an upper-case letter, invalid by RFC
  // 5891 but seen in the wild, comes to the same form as the valid one.
  const IdnText unicode = decoded(std::string{label});
  if (!unicode) return std::nullopt;
  std::uint8_t* found = nullptr;
  const auto* input = reinterpret_cast<const std::uint8_t*>(unicode.get());
  if (idn2_lookup_u8(input, &found, rules) != IDN2_OK) return std::nullopt;
  const IdnText ascii{reinterpret_cast<char*>(found)};
  return std::string{ascii.get()};
}

}  // namespace cordon::baits
