// The ESMTP parameters of MAIL and RCPT (RFC 5321 4.1.2; RFC 1870, 3461, 4954, 6152, 6531), read
// into an envelope. What was not offered is unknown; nothing may be said twice.
#pragma once

#include <optional>
#include <string_view>

#include "smtp/envelope.h"

namespace cordon::smtp {

enum class ParameterError : std::uint8_t {
  unknown,    // 555: no such parameter, or not offered
  malformed,  // 501: a value that is none, or a parameter given twice
};

struct OfferedParameters {
  bool extended = true;  // EHLO; a HELO session has no parameters at all
  bool eight_bit_mime = true;
  bool smtputf8 = false;
  bool dsn = true;
  bool auth = false;  // AUTH=, which is read but not believed: as "AUTH=<>" (RFC 4954 5)
};

// Each reads "NAME=value NAME=value" into its target and gives the first error, if there is one;
// the target is then of no use. SIZE beyond 64 bits is told as the largest number.
std::optional<ParameterError> read_mail_parameters(std::string_view text,
                                                   const OfferedParameters& offered,
                                                   Envelope& envelope);
// `utf8`: SMTPUTF8 was said in MAIL, so that ORCPT may carry a UTF-8 address (RFC 6533 3).
std::optional<ParameterError> read_rcpt_parameters(std::string_view text,
                                                   const OfferedParameters& offered, Utf8 utf8,
                                                   Recipient& recipient);

}  // namespace cordon::smtp
