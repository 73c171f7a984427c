// Texts of notices with places to fill in. The built-in ones are conf/templates/; a site may have
// its own. A template is a "Subject: ..." line, an empty line, and the body:
//
//   {{name}}                      a value
//   {{#messages}} ... {{/messages}}   repeated for each message, on lines of their own
//
// There is nothing else. What a name stands for depends on the kind of notice.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/system/result.hpp>

namespace cordon::notice {

enum class TemplateKind : std::uint8_t { warning, operator_report };

struct TemplateError {
  std::size_t line = 0;  // from 1
  std::string message;   // a sentence without a final full stop
};

class Template {
 public:
  // Refuses an unknown or unclosed place and a missing subject, so that a bad file is found when
  // the settings are read and not when people are to be warned.
  static boost::system::result<Template, TemplateError> parse(std::string_view text,
                                                              TemplateKind kind);
  static const Template& built_in(TemplateKind kind);

  using Value = std::function<std::string(std::string_view name)>;
  // `count` messages, `message(i, name)` the values of the i-th.
  using MessageValue = std::function<std::string(std::size_t index, std::string_view name)>;

  std::string subject(const Value& value) const;
  // Lines end with "\n".
  std::string body(const Value& value, std::size_t count, const MessageValue& message) const;

  TemplateKind kind() const { return kind_; }

 private:
  struct Piece {
    enum class Type : std::uint8_t { text, place, block } type = Type::text;
    std::string text;           // the text, or the name of the place
    std::vector<Piece> inside;  // of a block
  };
  struct Parser;

  TemplateKind kind_{};
  std::vector<Piece> subject_;
  std::vector<Piece> body_;
};

}  // namespace cordon::notice
