// Prints an outline of a message.
#pragma once

#include <ostream>

#include "ctl/message_outline.h"
#include "ctl/table.h"

namespace cordon::ctl {

void print_parts_as_table(const MessageOutline& outline, std::ostream& out, Table::Style style);

// One object a line: {"type":"part",...} for each part, then {"type":"note","text":...}. Everything
// but ASCII is escaped; octets that are no UTF-8 become U+FFFD.
void print_parts_as_json(const MessageOutline& outline, std::ostream& out);

}  // namespace cordon::ctl
