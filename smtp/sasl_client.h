// The client's side of one AUTH exchange (RFC 4954 4) with a secret that is sent as it is: PLAIN
// (RFC 4616), LOGIN, XOAUTH2 (Google, "IMAP, POP, and SMTP: XOAUTH2 Mechanism") and OAUTHBEARER
// (RFC 7628 3.1). Lines in, lines out; no I/O. What it returns holds the secret, and is the
// caller's to wipe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/credentials.h"

namespace cordon::smtp {

// The one to use of those `offered`: that of `credentials` first, then another that carries the
// same kind of secret, unless `allowed` (0: any) leaves it out. LOGIN and XOAUTH2 are passed over
// where there is a name to authorize as, which they cannot tell. nullopt: none is left.
std::optional<Mechanism> choose_mechanism(const Credentials& credentials, Mechanisms allowed,
                                          Mechanisms offered);

class SaslClient {
 public:
  // `credentials` must outlive the exchange.
  SaslClient(const Credentials& credentials, Mechanism mechanism)
      : credentials_(credentials), mechanism_(mechanism) {}

  // "AUTH ..." with CRLF, with the initial response unless the line would be longer than a command
  // may be (RFC 4954 4: it then MUST NOT be used).
  std::string begin();
  // The line that answers the next 334, with CRLF. "*", which cancels, where nothing is left to
  // say; nullopt if it was cancelled already.
  std::optional<std::string> answer();
  // Whether `text` repeats a secret of this exchange, plain or as it was sent.
  bool repeated_in(std::string_view text) const;

 private:
  std::string message() const;  // the first one, encoded

  const Credentials& credentials_;
  Mechanism mechanism_;
  std::uint8_t told_ = 0;  // messages of the mechanism that were sent
  bool cancelled_ = false;
};

}  // namespace cordon::smtp
