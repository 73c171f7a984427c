// Rows as JSON values, for the room's .cpp files.
#pragma once

#include "wire/json.h"
#include "wire/rows.h"

namespace cordon::wire {

Json to_json(const Row& row);
std::optional<Row> row_of(const Json& json);

}  // namespace cordon::wire
