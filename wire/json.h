// The room's way with JSON, for its .cpp files only: the header is heavy.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace cordon::wire {

using Json = nlohmann::ordered_json;

// Null if `line` is not one JSON object of at most `max_depth` levels.
std::optional<Json> parse_object(std::string_view line);
// Octets that are no UTF-8 are replaced.
std::string dump(const Json& json);

// "17": identifiers are text, as a number in JSON may be read as a double.
std::optional<std::int64_t> parse_id(const Json& json);

}  // namespace cordon::wire
