// What a server offers, read from its reply to EHLO (RFC 5321 4.1.1.1).
#pragma once

#include "smtp/client_dialogue.h"

namespace cordon::smtp {

// `text` is that of the reply: the first line greets, each other one names an extension. Unknown
// ones are passed over. `name` of the offer is left as it is.
void read_offer(std::string_view text, UpstreamOffer& offer);

}  // namespace cordon::smtp
