#include "smtp/notice/draft.h"

#include <algorithm>

#include "smtp/notice/transfer.h"

namespace cordon::notice {
namespace {

constexpr std::size_t max_text_field = 300;  // code points
constexpr std::size_t max_line = 998;        // octets without CRLF (RFC 5322 2.1.1, RFC 2045 2.7)

// `text` has CRLF line ends. A CR within a line is one of the octets that need encoding.
bool fits_seven_bit(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view line = text.substr(at, text.find("\r\n", at) - at);
    if (line.size() > max_line) return false;
    const bool plain = std::all_of(line.begin(), line.end(),
                                   [](char c) { return (c >= 0x20 && c < 0x7F) || c == '\t'; });
    if (!plain) return false;
    at += line.size() + 2;
  }
  return true;
}

bool is_quotable(std::string_view local) {
  return !local.empty() &&
         std::all_of(local.begin(), local.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

}  // namespace

std::string field(std::string_view name, std::string_view value) {
  std::string line{name};
  line.append(": ").append(printable(value, 900)).append("\r\n");
  return line;
}

std::string text_field(std::string_view name, std::string_view value) {
  std::string line{name};
  line += ": ";
  line += encode_words(clean_text(value, max_text_field), line.size());
  line += "\r\n";
  return line;
}

std::string header_address(std::string_view address) {
  if (is_plain_address(address)) return std::string{address};
  // A bare local part (RFC 5321 4.1.1.3's postmaster) is for the receiving server to complete.
  const std::size_t at = address.rfind('@');
  std::string_view local = address.substr(0, at);
  const std::string domain =
      at == std::string_view::npos ? std::string{} : std::string{address.substr(at)};
  if (is_plain_address("x" + (domain.empty() ? "@x" : domain)) && local.size() <= 64) {
    if (is_plain_address(std::string{local} + "@x")) return std::string{address};
    if (local.size() > 2 && local.starts_with('"') && local.ends_with('"')) {
      if (is_quotable(local)) return std::string{address};
    }
  }
  return "undisclosed-recipients:;";
}

std::string head_fields(const NoticeHead& head, std::string_view subject,
                        std::string_view auto_submitted) {
  std::string fields;
  const std::string from = header_address(head.from);
  fields +=
      "From: " + (from.ends_with(';') ? "MAILER-DAEMON" : "Mail Delivery System <" + from + ">") +
      "\r\n";
  fields += "To: " + header_address(head.to) + "\r\n";
  fields += text_field("Subject", subject);
  fields += field("Date", mail_date(head.date));
  fields += field("Message-ID", head.message_id);
  fields += field("Auto-Submitted", auto_submitted);
  fields += "MIME-Version: 1.0\r\n";
  return fields;
}

std::string thread_fields(const std::vector<std::string>& ids) {
  if (ids.empty()) return {};
  std::string fields = "In-Reply-To: " + ids.back() + "\r\nReferences: ";
  for (std::size_t i = 0; i < ids.size(); ++i) fields += (i > 0 ? "\r\n " : "") + ids[i];
  return fields + "\r\n";
}

std::string with_crlf(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    out.append(line).append("\r\n");
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

Identity identity_of(std::string_view text) {
  constexpr std::string_view forbidden{"\r\n\0", 3};
  Identity identity = is_ascii(text) ? Identity::seven_bit : Identity::eight_bit;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\r\n"), text.size());
    const std::string_view line = text.substr(0, end);
    if (line.size() > max_line || line.find_first_of(forbidden) != std::string_view::npos)
      identity = Identity::none;
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return identity;
}

std::string part(std::string_view type, NameCharset charset, std::string_view text) {
  const std::string content = with_crlf(text);
  const bool seven_bit = fits_seven_bit(content);
  std::string out = "Content-Type: " + std::string{type};
  if (charset == NameCharset::yes)
    out += is_ascii(content) ? "; charset=us-ascii" : "; charset=utf-8";
  out += "\r\nContent-Transfer-Encoding: ";
  out += seven_bit ? "7bit" : "quoted-printable";
  out += "\r\n\r\n";
  out += seven_bit ? content : to_quoted_printable(content);
  return out;
}

}  // namespace cordon::notice
