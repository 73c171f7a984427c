#include "smtp/reply_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "smtp/text.h"

namespace cordon::smtp {
namespace {

constexpr std::size_t small_buffer = 1024;

// The code at the front of a line: three digits, the first 2 to 5 (RFC 5321 4.2), then "-", a space
// or nothing. 0 if there is none.
int code_of(std::string_view line) {
  if (line.size() < 3 || !is_digit(line[0]) || !is_digit(line[1]) || !is_digit(line[2])) return 0;
  if (line[0] < '2' || line[0] > '5') return 0;
  if (line.size() > 3 && line[3] != '-' && line[3] != ' ') return 0;
  return (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
}

// Takes a number of one to three digits off the front of `text`; -1 if there is none.
int take_number(std::string_view& text) {
  const std::size_t digits =
      static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
  if (digits == 0 || digits > 3) return -1;
  int number = 0;
  std::from_chars(text.data(), text.data() + digits, number);
  text.remove_prefix(digits);
  return number;
}

// Takes "5.1.1" and the space after it off the front of `text`, if its class is that of `code`
// (RFC 2034 4).
EnhancedStatus take_status(std::string_view& text, int code) {
  std::string_view ahead = text;
  int parts[3];
  for (int i = 0; i < 3; ++i) {
    if (i > 0) {
      if (ahead.empty() || ahead.front() != '.') return {};
      ahead.remove_prefix(1);
    }
    parts[i] = take_number(ahead);
    if (parts[i] < 0) return {};
  }
  if (parts[0] != code / 100 || parts[0] == 3) return {};
  if (!ahead.empty() && ahead.front() != ' ') return {};
  ahead.remove_prefix(std::min<std::size_t>(ahead.size(), 1));
  text = ahead;
  return {static_cast<std::uint8_t>(parts[0]), static_cast<std::uint16_t>(parts[1]),
          static_cast<std::uint16_t>(parts[2])};
}

}  // namespace

void ReplyReader::input(std::string_view bytes) {
  if (!faulty_) buffer_ += bytes;
}

std::optional<Reply> ReplyReader::take() {
  while (!faulty_) {
    const std::size_t lf = buffer_.find('\n', scanned_);
    const bool ends = lf != std::string::npos;
    const std::size_t end = ends ? lf + 1 : buffer_.size();
    if (octets_ + (end - begin_) > max_octets_) break;
    scanned_ = end;
    if (!ends) {
      buffer_.erase(0, begin_);
      scanned_ -= std::exchange(begin_, 0);
      if (buffer_.empty() && buffer_.capacity() > small_buffer) buffer_.shrink_to_fit();
      return std::nullopt;
    }
    const std::string_view line = std::string_view(buffer_).substr(begin_, end - begin_);
    octets_ += line.size();
    begin_ = end;
    if (line.size() < 2 || line[line.size() - 2] != '\r') break;
    if (!add_line(line.substr(0, line.size() - 2))) break;
    if (!reply_ended_) continue;
    octets_ = 0;
    reply_ended_ = false;
    return std::exchange(reply_, Reply{});
  }
  faulty_ = true;
  return std::nullopt;
}

bool ReplyReader::add_line(std::string_view line) {
  const int code = code_of(line);
  const bool first = reply_.code == 0;
  if (code == 0 || (!first && code != reply_.code)) return false;
  std::string_view text = line.substr(std::min<std::size_t>(line.size(), 4));
  const EnhancedStatus status = take_status(text, code);
  if (first) {
    reply_.code = code;
    reply_.status = status;
    reply_.heard = true;
  } else {
    reply_.text += '\n';
  }
  for (const char c : text) reply_.text += is_control(c) ? '?' : c;
  reply_ended_ = line.size() == 3 || line[3] == ' ';
  return true;
}

}  // namespace cordon::smtp
