// The part of a delivery status notification that programs read: message/delivery-status (RFC 3464
// 2). Internal to this room.
#pragma once

#include <string>

#include "smtp/notice/dsn.h"

namespace cordon::notice {

// The whole part with its header; 7-bit always (RFC 3464 2.1).
std::string delivery_status_part(const std::string& hostname, const DsnFacts& facts);

// "5.1.1": of the class that the action asks for (RFC 3464 2.3.4).
std::string status_text(const DsnRecipient& recipient);

}  // namespace cordon::notice
