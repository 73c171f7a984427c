// Prints rows as they come: as JSON Lines, as a table, or one thing whole with tables below it.
#pragma once

#include <memory>
#include <ostream>

#include "ctl/row_cells.h"
#include "ctl/table.h"
#include "wire/rows.h"

namespace cordon::ctl {

class Printer {
 public:
  enum class Layout : std::uint8_t { json, list, show };
  Printer(std::ostream& out, Layout layout, Table::Style style)
      : out_(out), layout_(layout), style_(style) {}

  void row(const wire::Row& row);
  void finish() { table_.reset(); }
  std::uint64_t rows() const { return rows_; }

 private:
  void print_whole(const wire::Row& row);

  std::ostream& out_;
  Layout layout_;
  Table::Style style_;
  std::unique_ptr<Table> table_;
  std::size_t type_ = 0;  // of the rows in the table
  std::uint64_t rows_ = 0;
};

}  // namespace cordon::ctl
