#include "smtp/dot_stuffer.h"

namespace cordon::smtp {

void DotStuffer::append(std::string& out, std::string_view piece) {
  if (piece.empty()) return;
  if (place_ == Place::line_start && piece.front() == '.') out += '.';
  if (place_ == Place::after_cr && piece.front() == '\n') {
    out += '\n';
    piece.remove_prefix(1);
    place_ = Place::line_start;
    return append(out, piece);
  }
  std::size_t from = 0;
  for (std::size_t at = piece.find("\r\n."); at != std::string_view::npos;
       at = piece.find("\r\n.", from)) {
    out.append(piece.substr(from, at + 2 - from)).append(".");
    from = at + 2;
  }
  out.append(piece.substr(from));
  if (piece.ends_with("\r\n")) {
    place_ = Place::line_start;
  } else {
    place_ = piece.back() == '\r' ? Place::after_cr : Place::in_line;
  }
}

void DotStuffer::finish(std::string& out) {
  if (place_ != Place::line_start) out += "\r\n";
  place_ = Place::line_start;
}

}  // namespace cordon::smtp
