#include "smtp/address_literal.h"

#include <algorithm>
#include <cstddef>

#include "smtp/text.h"

namespace cordon::smtp {
namespace {

// Snum = 1*3DIGIT, 0 through 255.
bool is_snum(std::string_view text) {
  if (text.empty() || text.size() > 3) return false;
  int value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    value = value * 10 + (c - '0');
  }
  return value <= 255;
}

bool is_hex_group(std::string_view text) {
  return !text.empty() && text.size() <= 4 && std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f');
  });
}

// Number of 16-bit groups in a run "a:b:c"; a dotted tail counts two. 0 for the empty run, -1 for a
// malformed one. A tail may close the address only.
int count_groups(std::string_view run, bool closes_address) {
  if (run.empty()) return 0;
  int groups = 0;
  while (true) {
    const std::size_t colon = run.find(':');
    const std::string_view group = run.substr(0, colon);
    if (is_hex_group(group)) {
      ++groups;
    } else if (closes_address && colon == std::string_view::npos && is_ipv4_address(group)) {
      groups += 2;
    } else {
      return -1;
    }
    if (colon == std::string_view::npos) return groups;
    run.remove_prefix(colon + 1);
  }
}

bool is_general_literal(std::string_view tag, std::string_view content) {
  const bool tag_good =
      !tag.empty() && tag.back() != '-' &&
      std::all_of(tag.begin(), tag.end(), [](char c) { return is_alnum(c) || c == '-'; });
  return tag_good && !content.empty() && std::all_of(content.begin(), content.end(), [](char c) {
           return c > ' ' && c <= '~' && c != '[' && c != '\\' && c != ']';
         });
}

}  // namespace

bool is_ipv4_address(std::string_view text) {
  for (int part = 0; part < 3; ++part) {
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos || !is_snum(text.substr(0, dot))) return false;
    text.remove_prefix(dot + 1);
  }
  return is_snum(text);
}

bool is_ipv6_address(std::string_view text) {
  const std::size_t gap = text.find("::");
  if (gap == std::string_view::npos) return count_groups(text, true) == 8;
  const int before = count_groups(text.substr(0, gap), false);
  const int after = count_groups(text.substr(gap + 2), true);
  return before >= 0 && after >= 0 && before + after <= 7;
}

bool is_address_literal(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return is_ipv4_address(text);
  const std::string_view tag = text.substr(0, colon);
  const std::string_view content = text.substr(colon + 1);
  if (same_ignoring_case(tag, "IPv6")) return is_ipv6_address(content);
  return is_general_literal(tag, content);
}

}  // namespace cordon::smtp
