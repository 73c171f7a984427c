// Which columns each kind of row has in a table, and what it puts there.
#pragma once

#include <string>
#include <vector>

#include "ctl/table.h"
#include "wire/rows.h"

namespace cordon::ctl {

// What a table of such rows is about, as a heading below a message, alert or cordon.
std::string_view heading(const wire::Row& row);
std::vector<Column> columns(const wire::Row& row);
std::vector<Cell> cells(const wire::Row& row);

// Every field of the row as name and text, for showing it whole; times are local.
std::vector<wire::RowField> details(const wire::Row& row);

}  // namespace cordon::ctl
