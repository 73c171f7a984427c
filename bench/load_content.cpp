#include "bench/load_content.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <random>

namespace cordon::bench {
namespace {

constexpr std::string_view body_line =
    "The quick brown fox jumps over the lazy dog, and wonders what the dog is for\r\n";
static_assert(body_line.size() == 76 + 2);

// RFC 5322 3.3.
std::string date_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  std::array<char, 40> text{};
  return {text.data(),
          std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S +0000", &parts)};
}

}  // namespace

Content::Content(std::size_t octets, std::string_view sender, std::string_view recipient)
    : run_((std::uint64_t{std::random_device{}()} << 32) | std::random_device{}()) {
  rest_.reserve(octets);
  rest_.append("From: <").append(sender).append(">\r\nTo: <").append(recipient);
  rest_.append(">\r\nSubject: Notes on the meeting of last Tuesday\r\nDate: ").append(date_now());
  rest_.append("\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n");
  while (first_line_octets + rest_.size() + body_line.size() <= octets) rest_.append(body_line);
  const std::size_t missing = octets - std::min(octets, first_line_octets + rest_.size());
  if (missing >= 2) rest_.append(missing - 2, 'x').append("\r\n");
  if (missing == 1) rest_.insert(rest_.size() - 2, 1, 'x');
  rest_.append(".\r\n");
}

void Content::write_first_line(std::uint64_t number,
                               std::span<char, first_line_octets> line) const {
  std::array<char, first_line_octets + 1> text{};
  std::snprintf(text.data(), text.size(), "Message-ID: <%012llu.%016llx@load.example>\r\n",
                static_cast<unsigned long long>(number % 1'000'000'000'000),
                static_cast<unsigned long long>(run_));
  std::memcpy(line.data(), text.data(), line.size());
}

}  // namespace cordon::bench
