#pragma once

namespace cordon::proxy {
inline constexpr const char* version = "0.1.0";
}
