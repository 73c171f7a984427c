// XCLIENT, by which a trusted relay says who its client is (Postfix, XCLIENT_README): reading the
// command and its EHLO keyword, and writing them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "smtp/client_facts.h"

namespace cordon::smtp {

// As bits of a set.
enum class XclientAttribute : std::uint8_t {
  name = 1,
  addr = 2,
  port = 4,
  proto = 8,
  helo = 16,
  login = 32,
};
using XclientAttributes = std::uint8_t;

inline constexpr XclientAttributes all_xclient_attributes = 63;

// What is offered in EHLO: "NAME ADDR PORT PROTO HELO LOGIN".
std::string_view xclient_keyword_value();
// Those of a server's offer ("XCLIENT " taken off) that are known here.
XclientAttributes read_xclient_offer(std::string_view words);

enum class XclientError : std::uint8_t {
  nothing_told,  // no attribute at all
  unknown,       // an attribute that was not offered
  malformed,     // a value that is none, or an attribute given twice
};

// Reads "NAME=value NAME=value" into `facts`. Attributes that are not named keep what `facts` had;
// [UNAVAILABLE] and [TEMPUNAVAIL] make one untold. The first error, if there is one; `facts` is
// then of no use.
std::optional<XclientError> read_xclient(std::string_view text, ClientFacts& facts);

// "XCLIENT NAME=... ADDR=..." without CRLF, with the attributes of `offered`; those that `facts`
// does not tell are [UNAVAILABLE]. Empty if `offered` is.
std::string format_xclient(const ClientFacts& facts, XclientAttributes offered);

// The same for a record of one's own: "ADDR=192.0.2.7 PORT=1025 PROTO=ESMTP", without what is not
// told, or could not be read back.
std::string client_record(const ClientFacts& facts);
// nullopt: it is none; an empty one says that nothing is known of the client.
std::optional<ClientFacts> read_client_record(std::string_view text);

}  // namespace cordon::smtp
