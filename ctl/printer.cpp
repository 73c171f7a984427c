#include "ctl/printer.h"

#include "ctl/terminal_text.h"

namespace cordon::ctl {

void Printer::row(const wire::Row& row) {
  ++rows_;
  if (layout_ == Layout::json) {
    out_ << encode(row) << '\n';
    return;
  }
  if (layout_ == Layout::show && rows_ == 1) return print_whole(row);
  if (!table_ || type_ != row.index()) {
    table_.reset();
    if (layout_ == Layout::show) {
      const std::string title(heading(row));
      out_ << '\n' << (style_.colours ? coloured(title, Colour::bold) : title) << '\n';
    }
    table_ = std::make_unique<Table>(columns(row), out_, style_);
    type_ = row.index();
  }
  table_->add(cells(row));
}

void Printer::print_whole(const wire::Row& row) {
  const auto fields = details(row);
  std::size_t width = 0;
  for (const auto& field : fields) width = std::max(width, field.name.size());
  for (const auto& field : fields) {
    out_ << std::string(width - field.name.size(), ' ') << field.name << "  "
         << neutralised(field.text) << '\n';
  }
}

}  // namespace cordon::ctl
