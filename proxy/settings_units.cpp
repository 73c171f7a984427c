#include <array>
#include <charconv>

#include "proxy/settings_values.h"

namespace cordon::proxy {
namespace {

using std::chrono::milliseconds;

struct Unit {
  std::string_view name;
  std::int64_t size;
};
constexpr std::array<Unit, 5> durations{
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 8> sizes{{{"", 1},
                                     {"B", 1},
                                     {"K", 1 << 10},
                                     {"KiB", 1 << 10},
                                     {"M", 1 << 20},
                                     {"MiB", 1 << 20},
                                     {"G", 1 << 30},
                                     {"GiB", 1 << 30}}};

// Reads digits and then a unit name off the front of `text`; false if there are none or the product
// is too large.
template <std::size_t N>
bool take(std::string_view& text, const std::array<Unit, N>& units, std::int64_t& amount) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  std::size_t letters = 0;
  while (letters < text.size() && (text[letters] < '0' || text[letters] > '9')) ++letters;
  for (const Unit& unit : units) {
    if (unit.name != text.substr(0, letters)) continue;
    text.remove_prefix(letters);
    return !__builtin_mul_overflow(number, unit.size, &amount);
  }
  return false;
}

}  // namespace

std::optional<milliseconds> parse_duration(std::string_view text) {
  std::int64_t total = 0;
  do {
    std::int64_t part = 0;
    if (!take(text, durations, part)) return std::nullopt;
    if (__builtin_add_overflow(total, part, &total)) return std::nullopt;
  } while (!text.empty());
  return milliseconds(total);
}

std::string format_duration(Seconds duration) {
  const std::int64_t seconds = duration.count();
  // "60s" and "90s" read better than "1m" and a fraction.
  if (seconds > 90) {
    for (const Unit& unit : durations) {
      const std::int64_t size = unit.size / 1000;
      if (size > 1 && seconds % size == 0) {
        return std::to_string(seconds / size) + std::string(unit.name);
      }
    }
  }
  return std::to_string(seconds) + "s";
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  std::int64_t octets = 0;
  if (!take(text, sizes, octets) || !text.empty()) return std::nullopt;
  return static_cast<std::uint64_t>(octets);
}

std::string format_size(std::uint64_t octets) {
  static constexpr std::array<std::pair<std::string_view, unsigned>, 3> units{
      {{"GiB", 30}, {"MiB", 20}, {"KiB", 10}}};
  for (const auto& [name, shift] : units) {
    if (octets != 0 && octets % (1ull << shift) == 0) {
      return std::to_string(octets >> shift) + " " + std::string(name);
    }
  }
  return std::to_string(octets);
}

}  // namespace cordon::proxy
