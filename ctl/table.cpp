#include "ctl/table.h"

#include <array>

#include "ctl/terminal_text.h"

namespace cordon::ctl {
namespace {

constexpr std::size_t rows_for_widths = 200;

}  // namespace

std::string coloured(std::string_view text, Colour colour) {
  constexpr std::array<std::string_view, 6> codes = {"", "2", "1", "31", "33", "32"};
  if (colour == Colour::none) return std::string(text);
  return "\x1b[" + std::string(codes[static_cast<std::size_t>(colour)]) + "m" + std::string(text) +
         "\x1b[0m";
}

Table::Table(std::vector<Column> columns, std::ostream& out, Style style)
    : columns_(std::move(columns)), out_(out), style_(style) {
  for (const Column& column : columns_) widths_.push_back(display_width(column.title));
}

void Table::add(std::vector<Cell> cells) {
  cells.resize(columns_.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    cells[i].text = neutralised(cells[i].text);
    const bool last = i + 1 == cells.size();
    if (style_.cut_cells && !last) cells[i].text = cut(cells[i].text, columns_[i].most);
    if (!started_) widths_[i] = std::max(widths_[i], display_width(cells[i].text));
  }
  if (started_) return print(cells);
  kept_.push_back(std::move(cells));
  if (kept_.size() == rows_for_widths) print_kept();
}

void Table::finish() {
  if (!started_ && !kept_.empty()) print_kept();
}

void Table::print_kept() {
  started_ = true;
  std::vector<Cell> titles;
  for (const Column& column : columns_) titles.push_back({std::string(column.title), Colour::bold});
  print(titles);
  for (const auto& cells : kept_) print(cells);
  kept_.clear();
}

void Table::print(const std::vector<Cell>& cells) const {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i != 0) line += "  ";
    const std::size_t width = display_width(cells[i].text);
    const std::string padding(widths_[i] > width ? widths_[i] - width : 0, ' ');
    const bool right = columns_[i].align == Align::right;
    if (right) line += padding;
    line += style_.colours ? coloured(cells[i].text, cells[i].colour) : cells[i].text;
    if (!right && i + 1 != cells.size()) line += padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out_ << line << '\n';
}

}  // namespace cordon::ctl
