// A table on a terminal. Widths are taken from the first rows, which are kept until there are
// enough of them; later rows follow at once, so memory does not grow with the list.
#pragma once

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace cordon::ctl {

enum class Align : bool { left, right };
enum class Colour : unsigned char { none, dim, bold, red, yellow, green };

struct Column {
  std::string_view title;
  Align align = Align::left;
  std::size_t most = 40;  // columns, if cells are cut; the last column never is
};

struct Cell {
  std::string text;  // neutralised here
  Colour colour = Colour::none;
};

std::string coloured(std::string_view text, Colour colour);

class Table {
 public:
  struct Style {
    bool colours = false;
    bool cut_cells = false;  // on a terminal; a pipe gets everything
  };
  Table(std::vector<Column> columns, std::ostream& out, Style style);
  ~Table() { finish(); }
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  void add(std::vector<Cell> cells);
  void finish();  // prints what is kept; a table without rows prints nothing

 private:
  void print_kept();
  void print(const std::vector<Cell>& cells) const;

  std::vector<Column> columns_;
  std::ostream& out_;
  Style style_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<Cell>> kept_;
  bool started_ = false;
};

}  // namespace cordon::ctl
