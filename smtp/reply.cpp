#include "smtp/reply.h"

#include <algorithm>
#include <charconv>

#include "smtp/text.h"

namespace cordon::smtp {
namespace {

constexpr std::size_t max_reply_line = 512;  // RFC 5321 4.5.3.1.5, with CRLF

void append_number(std::string& out, int number) {
  char digits[12];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), number).ptr;
  out.append(std::begin(digits), end);
}

void append_status(std::string& out, EnhancedStatus status) {
  append_number(out, status.klass);
  out += '.';
  append_number(out, status.subject);
  out += '.';
  append_number(out, status.detail);
}

// Cuts at `room` octets, but never inside a UTF-8 sequence (RFC 6531 lets replies have them).
std::string_view cut(std::string_view text, std::size_t room) {
  if (text.size() <= room) return text;
  while (room > 0 && (static_cast<unsigned char>(text[room]) & 0xC0) == 0x80) --room;
  return text.substr(0, room);
}

void append_clean(std::string& out, std::string_view text) {
  for (const char c : text) out += is_control(c) ? '?' : c;
}

void append_line(std::string& out, int code, EnhancedStatus status, bool last,
                 std::string_view text) {
  const std::size_t start = out.size();
  append_number(out, code);
  if (!last || status.klass != 0 || !text.empty()) out += last ? ' ' : '-';
  if (status.klass != 0) {
    append_status(out, status);
    if (!text.empty()) out += ' ';
  }
  append_clean(out, cut(text, max_reply_line - 2 - (out.size() - start)));
  out += "\r\n";
}

}  // namespace

std::string Reply::one_line() const {
  std::string line;
  append_number(line, code);
  if (status.klass != 0) {
    line += ' ';
    append_status(line, status);
  }
  if (!text.empty()) {
    line += ' ';
    const std::size_t start = line.size();
    for (const char c : text) line += c == '\n' ? ' ' : is_control(c) ? '?' : c;
    line.resize(start + cut(std::string_view(line).substr(start), max_reply_line).size());
  }
  return line;
}

void append_wire(std::string& out, int code, EnhancedStatus status, std::string_view text) {
  while (true) {
    const std::size_t end = text.find('\n');
    const bool last = end == std::string_view::npos;
    append_line(out, code, status, last, text.substr(0, end));
    if (last) return;
    text.remove_prefix(end + 1);
  }
}

void append_wire(std::string& out, const Reply& reply) {
  append_wire(out, reply.code, reply.status, reply.text);
}

}  // namespace cordon::smtp
