// Templates: what is filled in, and which errors a site's own file can have.
#include "smtp/notice/template.h"

#include <string>

#include <doctest/doctest.h>

namespace cordon::notice {
namespace {

std::string filled(std::string_view text, std::size_t count) {
  const auto parsed = Template::parse(text, TemplateKind::warning);
  REQUIRE(parsed.has_value());
  const auto value = [](std::string_view name) { return "<" + std::string{name} + ">"; };
  const auto message = [](std::size_t i, std::string_view name) {
    return std::to_string(i) + std::string{name};
  };
  return parsed->subject(value) + "|" + parsed->body(value, count, message);
}

TemplateError error_of(std::string_view text, TemplateKind kind = TemplateKind::warning) {
  const auto parsed = Template::parse(text, kind);
  REQUIRE(parsed.has_error());
  return parsed.error();
}

}  // namespace

TEST_CASE("places are filled in, in subject and body") {
  CHECK(filled("Subject: a {{alert}}\n\nb {{hostname}}{{count}} c\n", 0) ==
        "a <alert>|b <hostname><count> c\n");
  CHECK(filled("Subject: x\r\n\r\ny\r\n", 0) == "x|y\n");
}

TEST_CASE("a block is repeated for each message, and its marks leave no empty line") {
  constexpr std::string_view text =
      "Subject: x\n\na\n{{#messages}}\n- {{subject}}\n{{/messages}}\nb\n";
  CHECK(filled(text, 2) == "x|a\n- 0subject\n- 1subject\nb\n");
  CHECK(filled(text, 0) == "x|a\nb\n");
  CHECK(filled("Subject: x\n\na {{#messages}}{{subject}}, {{/messages}}b\n", 2) ==
        "x|a 0subject, 1subject, b\n");
}

TEST_CASE("what is filled in is not read again") {
  const auto parsed = Template::parse("Subject: x\n\n{{alert}}\n", TemplateKind::warning);
  REQUIRE(parsed.has_value());
  const auto value = [](std::string_view) { return std::string{"{{hostname}}"}; };
  CHECK(parsed->body(value, 0, nullptr) == "{{hostname}}\n");
}

TEST_CASE("each error names its line and what was expected") {
  CHECK(error_of("Hello\n\nx\n").line == 1);
  CHECK(error_of("").line == 1);
  CHECK(error_of("Subject: x\nbody\n").line == 2);
  const TemplateError unknown = error_of("Subject: x\n\na\nb {{nmae}}\n");
  CHECK(unknown.line == 4);
  CHECK(unknown.message.find("{{nmae}}; expected one of alert, hostname") != std::string::npos);
  CHECK(error_of("Subject: {{nope}}\n\na\n").line == 1);
  CHECK(error_of("Subject: x\n\na {{alert\n}}\n").line == 3);
  CHECK(error_of("Subject: x\n\n\n{{#messages}}\na\n").line == 4);
  CHECK(error_of("Subject: x\n\n{{/messages}}\n").line == 3);
  CHECK(error_of("Subject: x\n\n{{#messages}}\n{{#messages}}\n").line == 4);
  CHECK(error_of("Subject: x\n\n{{#messages}}\n{{alert}}\n{{/messages}}\n").line == 4);
  CHECK(error_of("Subject: x\n\n{{subject}}\n").line == 3);
  CHECK(error_of("Subject: x\n\n{{#messages}}\n", TemplateKind::operator_report).line == 3);
}

TEST_CASE("the built-in templates are sound") {
  CHECK(Template::built_in(TemplateKind::warning).kind() == TemplateKind::warning);
  CHECK(Template::built_in(TemplateKind::operator_report).kind() == TemplateKind::operator_report);
}

}  // namespace cordon::notice
