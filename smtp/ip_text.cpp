#include "smtp/ip_text.h"

#include <algorithm>
#include <charconv>

#include "smtp/address_literal.h"

namespace cordon::smtp {
namespace {

constexpr int groups = 8;

int number(std::string_view text, int base) {
  int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

// Writes the four numbers of a dotted address; false if one has a leading zero.
bool read_dotted(std::string_view text, std::uint8_t* octets) {
  for (int part = 0; part < 4; ++part) {
    const std::string_view digits = text.substr(0, text.find('.'));
    if (digits.size() > 1 && digits.front() == '0') return false;
    octets[part] = static_cast<std::uint8_t>(number(digits, 10));
    text.remove_prefix(std::min(digits.size() + 1, text.size()));
  }
  return true;
}

// Writes the groups of a run "a:b:c" that is known to be well-formed; the number of octets written,
// or nothing for a dotted tail with leading zeros.
std::optional<std::size_t> read_groups(std::string_view run, std::uint8_t* octets) {
  std::size_t written = 0;
  while (!run.empty()) {
    const std::string_view group = run.substr(0, run.find(':'));
    if (group.find('.') != std::string_view::npos) {
      if (!read_dotted(group, octets + written)) return std::nullopt;
      return written + 4;
    }
    const int value = number(group, 16);
    octets[written++] = static_cast<std::uint8_t>(value >> 8);
    octets[written++] = static_cast<std::uint8_t>(value & 0xFF);
    run.remove_prefix(std::min(group.size() + 1, run.size()));
  }
  return written;
}

std::optional<IpAddress> parse_v6(std::string_view text) {
  IpAddress address;
  address.v6 = true;
  const std::size_t gap = text.find("::");
  if (!read_groups(text.substr(0, gap), address.octets.data())) return std::nullopt;
  if (gap == std::string_view::npos) return address;
  std::array<std::uint8_t, 16> tail{};
  const auto length = read_groups(text.substr(gap + 2), tail.data());
  if (!length) return std::nullopt;
  std::copy_n(tail.begin(), *length, address.octets.end() - static_cast<long>(*length));
  return address;
}

std::string dotted(const std::uint8_t* octets) {
  std::string text;
  for (int part = 0; part < 4; ++part) {
    if (part > 0) text += '.';
    text += std::to_string(octets[part]);
  }
  return text;
}

struct Run {
  int begin = 0;
  int length = 0;
};

// RFC 5952 4.2: the longest run of zero groups, the first of equals, never a single one.
Run longest_zeros(const std::array<int, groups>& values) {
  Run best;
  Run run;
  for (int i = 0; i < groups; ++i) {
    run = values[i] != 0 ? Run{i + 1, 0} : Run{run.begin, run.length + 1};
    if (run.length > best.length) best = run;
  }
  return best.length > 1 ? best : Run{};
}

void append_hex(std::string& text, int value) {
  char digits[4];
  text.append(digits, std::to_chars(digits, digits + sizeof digits, value, 16).ptr);
}

}  // namespace

std::optional<IpAddress> parse_ip(std::string_view text) {
  if (is_ipv4_address(text)) {
    IpAddress address;
    if (!read_dotted(text, address.octets.data())) return std::nullopt;
    return address;
  }
  return is_ipv6_address(text) ? parse_v6(text) : std::nullopt;
}

std::string to_text(const IpAddress& address) {
  if (!address.v6) return dotted(address.octets.data());
  std::array<int, groups> values{};
  for (std::size_t i = 0; i < address.octets.size(); ++i)
    values[i / 2] = values[i / 2] << 8 | address.octets[i];
  const Run zeros = longest_zeros(values);
  // IPv4-mapped and IPv4-compatible ones end in dots.
  const bool tail =
      zeros.begin == 0 && (zeros.length == 6 || (zeros.length == 5 && values[5] == 0xFFFF));
  std::string text;
  for (int i = 0; i < groups; ++i) {
    if (zeros.length > 0 && i == zeros.begin) {
      text += "::";
      i += zeros.length - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    if (tail && i == 6) return text + dotted(address.octets.data() + 12);
    append_hex(text, values[i]);
  }
  return text;
}

IpAddress as_v6(const IpAddress& address) {
  if (address.v6) return address;
  IpAddress mapped;
  mapped.v6 = true;
  mapped.octets[10] = mapped.octets[11] = 0xFF;
  std::copy_n(address.octets.begin(), 4, mapped.octets.begin() + 12);
  return mapped;
}

}  // namespace cordon::smtp
