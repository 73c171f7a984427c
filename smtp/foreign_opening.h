// Tells clients that speak another protocol than SMTP: browsers led astray (cross-protocol attacks:
// "The HTML Form Protocol Attack"; ALPACA, USENIX Security 2021), TLS on a plain port, scanners.
#pragma once

#include <string_view>

namespace cordon::smtp {

// The protocol that a line beginning with `front` is of, in words for a log: "spoke HTTP", "spoke
// TLS", "spoke SSH", "spoke no text"; empty if it may be a command. What is told of some octets
// holds for all that begin with them, so that it can be asked before the line has ended.
std::string_view foreign_protocol(std::string_view front);

}  // namespace cordon::smtp
