// The lines of one transaction towards an upstream, with the parameters that it offers and no
// others.
#pragma once

#include <optional>
#include <string>

#include "smtp/client_dialogue.h"

namespace cordon::smtp {

// Why the upstream cannot take the message at all, told by its offer: a permanent reply of ours.
std::optional<Reply> refused_by_offer(const Envelope& envelope, std::uint64_t octets,
                                      const UpstreamOffer& offer);

// With CRLF. No SIZE is told if `octets` is 0. `authenticated`: by AUTH, on this connection; the
// upstream is then told that we vouch for no submitter (RFC 4954 5).
std::string mail_command(const Envelope& envelope, std::uint64_t octets, const UpstreamOffer& offer,
                         bool authenticated);
std::string rcpt_command(const Recipient& recipient, const UpstreamOffer& offer);

}  // namespace cordon::smtp
