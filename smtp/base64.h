// Base64 (RFC 4648 4), for octets that are no text: the content of messages in the control
// protocol, and what AUTH carries.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cordon::smtp {

// Both build the result in one buffer of the right size, so that no copy of a secret is left
// behind.
std::string encode_base64(std::string_view octets);
// Strict: no line breaks, full padding.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace cordon::smtp
