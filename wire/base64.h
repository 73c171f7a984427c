// Base64 (RFC 4648 4), for octets that are no text: the content of messages.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cordon::wire {

std::string encode_base64(std::string_view octets);
// Strict: no line breaks, full padding.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace cordon::wire
