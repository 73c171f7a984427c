// What the tests of all notices share: a usual head, and how mail of ours is read back.
#pragma once

#include <iterator>
#include <string>
#include <string_view>

#include <doctest/doctest.h>
#include <mimetic/mimetic.h>

#include "smtp/notice/notice.h"

namespace cordon::notice {

inline constexpr WallTime now{std::chrono::milliseconds{1795319982000}};
inline constexpr WallTime earlier{std::chrono::milliseconds{1795319922000}};

inline NoticeHead head() {
  return {"MAILER-DAEMON@gw.example", "jo@example.net", "<n1@gw.example>", "gw.example", now};
}

// What any mail of ours must be.
inline void check_form(const std::string& mail) {
  CHECK(is_ascii(mail));
  CHECK(mail.ends_with("\r\n"));
  for (std::size_t at = 0; at < mail.size();) {
    const std::size_t end = mail.find("\r\n", at);
    REQUIRE(end != std::string::npos);
    const std::string_view line = std::string_view{mail}.substr(at, end - at);
    CHECK(line.size() <= 998);
    CHECK(line.find_first_of(std::string_view{"\r\n\0", 3}) == std::string_view::npos);
    at = end + 2;
  }
}

inline mimetic::MimeEntity parsed(const std::string& mail) {
  return mimetic::MimeEntity{mail.begin(), mail.end()};
}

inline std::string field_of(const mimetic::MimeEntity& entity, const std::string& name) {
  return entity.header().field(name).value();
}

inline std::string header_of(const std::string& mail) {
  return mail.substr(0, mail.find("\r\n\r\n") + 2);
}

inline std::string body_of(const mimetic::MimeEntity& entity) {
  std::string encoded{entity.body()};
  if (field_of(entity, "Content-Transfer-Encoding") != "quoted-printable") return encoded;
  std::string text;
  mimetic::QP::Decoder decoder;
  mimetic::decode(encoded.begin(), encoded.end(), decoder, std::back_inserter(text));
  std::erase(text, '\r');
  return text;
}

inline bool has(const std::string& text, std::string_view what) {
  return text.find(what) != std::string::npos;
}

}  // namespace cordon::notice
