// Who the client of a stored message was, read back from the trace field that Cordon wrote for it
// (received.h): what is on record with the message survives a restart, and no field but ours is
// ever read here.
#pragma once

#include <optional>
#include <string_view>

#include "smtp/client_facts.h"

namespace cordon::notice {

// Address, HELO name and whether it said EHLO; port, host name and login are not on record. A HELO
// name that could not be written as it was said is not told. nullopt: `trace` is none of ours, as
// with Cordon's own notices.
std::optional<smtp::ClientFacts> client_of(std::string_view trace);

}  // namespace cordon::notice
