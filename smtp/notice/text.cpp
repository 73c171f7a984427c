#include "smtp/notice/text.h"

#include <algorithm>
#include <cstdio>

#include "smtp/notice/utf8.h"

namespace cordon::notice {
namespace {

bool is_space(char32_t c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

// Code points that show nothing, or change how their neighbours show.
bool is_hidden(char32_t c) {
  struct Range {
    char32_t first;
    char32_t last;
  };
  static constexpr Range hidden[] = {
      {0x00, 0x1F},     {0x7F, 0x9F},       {0xAD, 0xAD},         // controls, soft hyphen
      {0x034F, 0x034F}, {0x061C, 0x061C},   {0x115F, 0x1160},     // joiner, Arabic mark, fillers
      {0x17B4, 0x17B5}, {0x180B, 0x180F},   {0x200B, 0x200F},     // zero width, left/right marks
      {0x202A, 0x202E}, {0x2060, 0x206F},                         // embeddings, isolates
      {0x3164, 0x3164}, {0xE000, 0xF8FF},   {0xFE00, 0xFE0F},     // private use, variations
      {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB},     // byte order mark, annotations
      {0xFFFE, 0xFFFF}, {0xE0000, 0xE0FFF}, {0xF0000, 0x10FFFF},  // tags, private planes
  };
  return std::any_of(std::begin(hidden), std::end(hidden),
                     [c](Range range) { return c >= range.first && c <= range.last; });
}

bool is_atom_octet(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view{"!#$%&'*+-/=?^_`{|}~"}.find(c) != std::string_view::npos;
}

bool is_atoms_and_dots(std::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c == '.' || is_atom_octet(c); });
}

bool is_dot_atom(std::string_view text) {
  return is_atoms_and_dots(text) && !text.starts_with('.') && !text.ends_with('.') &&
         text.find("..") == std::string_view::npos;
}

bool is_literal(std::string_view text) {
  if (text.size() < 3 || !text.starts_with('[') || !text.ends_with(']')) return false;
  text = text.substr(1, text.size() - 2);
  return std::all_of(text.begin(), text.end(), [](char c) {
    return c == '.' || c == ':' || (c != '`' && c != '\'' && is_atom_octet(c));
  });
}

struct CivilTime {
  std::chrono::year_month_day date;
  unsigned weekday;
  std::chrono::hh_mm_ss<std::chrono::seconds> clock;
};

CivilTime civil(WallTime at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  return {std::chrono::year_month_day{day}, std::chrono::weekday{day}.c_encoding(),
          std::chrono::hh_mm_ss{std::chrono::floor<std::chrono::seconds>(at - day)}};
}

}  // namespace

std::string clean_text(std::string_view text, std::size_t max_code_points) {
  std::string clean;
  std::size_t count = 0;
  bool space = false;
  for (std::size_t at = 0; at < text.size();) {
    const char32_t c = next_code_point(text, at);
    if (is_space(c)) {
      space = !clean.empty();
      continue;
    }
    if (is_hidden(c)) continue;
    if (count + (space ? 2 : 1) > max_code_points) break;
    count += space ? 2 : 1;
    if (space) clean += ' ';
    space = false;
    append_utf8(clean, c);
  }
  return clean;
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string printable(std::string_view text, std::size_t max_octets) {
  std::string result{text.substr(0, max_octets)};
  std::replace_if(
      result.begin(), result.end(), [](char c) { return c < 0x20 || c > 0x7E; }, '?');
  return result;
}

std::string mail_date(WallTime at) {
  static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const CivilTime t = civil(at);
  char text[64];
  std::snprintf(
      text, sizeof text, "%s, %02u %s %04d %02d:%02d:%02d +0000", days[t.weekday],
      static_cast<unsigned>(t.date.day()), months[static_cast<unsigned>(t.date.month()) - 1],
      static_cast<int>(t.date.year()), static_cast<int>(t.clock.hours().count()),
      static_cast<int>(t.clock.minutes().count()), static_cast<int>(t.clock.seconds().count()));
  return text;
}

std::string readable_time(WallTime at) {
  const CivilTime t = civil(at);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d UTC",
                static_cast<int>(t.date.year()), static_cast<unsigned>(t.date.month()),
                static_cast<unsigned>(t.date.day()), static_cast<int>(t.clock.hours().count()),
                static_cast<int>(t.clock.minutes().count()),
                static_cast<int>(t.clock.seconds().count()));
  return text;
}

bool is_message_id(std::string_view id) {
  if (id.size() < 5 || id.size() > 250 || !id.starts_with('<') || !id.ends_with('>')) return false;
  id = id.substr(1, id.size() - 2);
  const std::size_t at = id.find('@');
  if (at == std::string_view::npos) return false;
  const std::string_view right = id.substr(at + 1);
  return is_atoms_and_dots(id.substr(0, at)) && (is_atoms_and_dots(right) || is_literal(right));
}

bool is_plain_address(std::string_view address) {
  const std::size_t at = address.rfind('@');
  if (at == std::string_view::npos || address.size() > 254) return false;
  const std::string_view domain = address.substr(at + 1);
  return is_dot_atom(address.substr(0, at)) && (is_dot_atom(domain) || is_literal(domain));
}

}  // namespace cordon::notice
