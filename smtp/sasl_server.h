// The server's side of one AUTH exchange (RFC 4954 4) whose outcome is a secret in the clear: PLAIN
// (RFC 4616), LOGIN (two prompts), XOAUTH2 (Google, "IMAP, POP, and SMTP: XOAUTH2 Mechanism") and
// OAUTHBEARER (RFC 7628). Lines in, challenges out; what is right is for others to say. Copies of
// what the client gave are wiped.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/credentials.h"

namespace cordon::smtp {

enum class SaslStep : std::uint8_t {
  challenge,    // send challenge() and give the client's next line to respond()
  done,         // credentials() are whole
  cancelled,    // the client said "*"
  undecodable,  // no base64
  malformed,    // not what the mechanism asks for
  empty,        // a name or a password of no octets
};

class SaslServer {
 public:
  explicit SaslServer(Mechanism mechanism) { credentials_.mechanism = mechanism; }

  // `initial` as it stood on the AUTH line: base64, "=" for an empty one; nothing if none did.
  SaslStep begin(std::optional<std::string_view> initial);
  // A line without its CRLF. Only after a challenge.
  SaslStep respond(std::string_view line);

  // In base64, for the 334; may be empty.
  std::string_view challenge() const { return challenge_; }
  // What the bearer mechanisms tell as a last challenge when a token is refused: the client answers
  // it with anything, and is then told the reply (RFC 7628 3.2.2, 3.2.3). Empty for the others.
  std::string_view refusal_challenge() const;
  const Credentials& credentials() const { return credentials_; }

 private:
  SaslStep take(std::string_view message);
  SaslStep take_plain(std::string_view message);
  SaslStep take_login(std::string_view message);
  SaslStep take_xoauth2(std::string_view message);
  SaslStep take_oauthbearer(std::string_view message);

  Credentials credentials_;
  bool name_taken_ = false;  // of LOGIN
  std::string_view challenge_;
};

}  // namespace cordon::smtp
