#include "smtp/notice/template.h"

#include <algorithm>
#include <optional>
#include <span>
#include <stdexcept>

#include "smtp/notice/built_in_templates.h"

namespace cordon::notice {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::string_view warning_names[] = {"alert", "hostname", "recipient", "count",
                                              "certainty"};
constexpr std::string_view message_names[] = {"time", "subject", "message_id", "sender",
                                              "certainty"};
constexpr std::string_view report_names[] = {"alert",  "hostname",  "time",   "what",     "place",
                                             "bait",   "bait_kind", "origin", "listener", "session",
                                             "reason", "response",  "counts", "commands"};

Names names_of(TemplateKind kind) {
  return kind == TemplateKind::warning ? Names{warning_names} : Names{report_names};
}

bool has_name(Names names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string listed(Names names) {
  std::string text;
  for (const auto name : names) text.append(text.empty() ? "" : ", ").append(name);
  return text;
}

constexpr std::string_view block_open = "#messages";
constexpr std::string_view block_close = "/messages";

}  // namespace

// One pass over the text. Blocks do not nest, so one level of them is all there is.
struct Template::Parser {
  TemplateKind kind;
  std::size_t line = 1;
  std::size_t block_line = 0;  // 0: not inside a block
  std::vector<Piece> pieces;
  std::vector<Piece> block;

  std::vector<Piece>& here() { return block_line != 0 ? block : pieces; }

  void add_text(std::string_view text) {
    line += static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    if (!text.empty()) here().push_back({Piece::Type::text, std::string{text}, {}});
  }

  std::optional<TemplateError> add_place(std::string_view name) {
    if (name == block_open && kind == TemplateKind::warning) {
      if (block_line != 0) return TemplateError{line, "{{#messages}} inside {{#messages}}"};
      block_line = line;
      return std::nullopt;
    }
    if (name == block_close) {
      if (block_line == 0) return TemplateError{line, "{{/messages}} without {{#messages}}"};
      block_line = 0;
      pieces.push_back({Piece::Type::block, {}, std::move(block)});
      block.clear();
      return std::nullopt;
    }
    const Names names = block_line != 0 ? Names{message_names} : names_of(kind);
    if (!has_name(names, name)) {
      return TemplateError{line, "unknown place {{" + std::string{name.substr(0, 40)} +
                                     "}}; expected one of " + listed(names)};
    }
    here().push_back({Piece::Type::place, std::string{name}, {}});
    return std::nullopt;
  }

  std::optional<TemplateError> run(std::string_view text) {
    while (!text.empty()) {
      const std::size_t open = text.find("{{");
      add_text(text.substr(0, open));
      if (open == std::string_view::npos) break;
      text.remove_prefix(open + 2);
      const std::size_t close = text.find("}}");
      const std::string_view name = text.substr(0, close);
      if (close == std::string_view::npos || name.find('\n') != std::string_view::npos) {
        return TemplateError{line, "\"{{\" without \"}}\" on the same line"};
      }
      const bool starts_line = here_starts_line();
      if (auto error = add_place(name)) return error;
      text.remove_prefix(close + 2);
      // A line that holds only the mark of a block leaves no empty line behind.
      if ((name == block_open || name == block_close) && starts_line && text.starts_with('\n')) {
        text.remove_prefix(1);
        ++line;
      }
    }
    if (block_line != 0) return TemplateError{block_line, "{{#messages}} without {{/messages}}"};
    return std::nullopt;
  }

  bool here_starts_line() {
    const auto& list = here();
    if (list.empty()) return true;
    return list.back().type != Piece::Type::place &&
           (list.back().type == Piece::Type::block || list.back().text.ends_with('\n'));
  }
};

boost::system::result<Template, TemplateError> Template::parse(std::string_view text,
                                                               TemplateKind kind) {
  std::string unix_text{text};
  std::erase(unix_text, '\r');
  text = unix_text;
  constexpr std::string_view field = "Subject: ";
  const std::size_t end = text.find('\n');
  if (!text.starts_with(field) || end == std::string_view::npos) {
    return TemplateError{1, "expected \"Subject: ...\" in the first line"};
  }
  if (!text.substr(end + 1).starts_with('\n')) {
    return TemplateError{2, "expected an empty line after the subject"};
  }
  Template result;
  result.kind_ = kind;
  Parser subject{kind, 1, 0, {}, {}};
  if (auto error = subject.run(text.substr(field.size(), end - field.size()))) return *error;
  result.subject_ = std::move(subject.pieces);
  Parser body{kind, 3, 0, {}, {}};
  if (auto error = body.run(text.substr(end + 2))) return *error;
  result.body_ = std::move(body.pieces);
  return result;
}

const Template& Template::built_in(TemplateKind kind) {
  const auto load = [](std::string_view text, TemplateKind which) {
    auto parsed = parse(text, which);
    if (parsed.has_error()) throw std::logic_error(parsed.error().message);
    return *std::move(parsed);
  };
  static const Template warning = load(built_in_warning, TemplateKind::warning);
  static const Template report = load(built_in_operator_report, TemplateKind::operator_report);
  return kind == TemplateKind::warning ? warning : report;
}

std::string Template::subject(const Value& value) const {
  std::string out;
  for (const Piece& piece : subject_) {
    if (piece.type == Piece::Type::text) out += piece.text;
    if (piece.type == Piece::Type::place) out += value(piece.text);
  }
  return out;
}

std::string Template::body(const Value& value, std::size_t count,
                           const MessageValue& message) const {
  std::string out;
  for (const Piece& piece : body_) {
    if (piece.type == Piece::Type::text) out += piece.text;
    if (piece.type == Piece::Type::place) out += value(piece.text);
    if (piece.type != Piece::Type::block) continue;
    for (std::size_t i = 0; i < count; ++i) {
      for (const Piece& part : piece.inside) {
        out += part.type == Piece::Type::text ? part.text : message(i, part.text);
      }
    }
  }
  return out;
}

}  // namespace cordon::notice
