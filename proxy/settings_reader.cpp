#include "proxy/settings_reader.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "proxy/settings_draft.h"
#include "proxy/toml_text.h"

namespace cordon::proxy {
namespace {

SettingPlace place_of(const toml::source_region& source) {
  return {source.begin.line, source.begin.column, {}};
}

std::string kind_of(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::date:
    case toml::node_type::time:
    case toml::node_type::date_time:
      return "a date or time";
    case toml::node_type::string:
      return "a text";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a number";
  }
}

Value list_value(const toml::array& array) {
  std::vector<std::string> texts;
  for (const toml::node& element : array) {
    const auto* text = element.as_string();
    if (text == nullptr) return Unfit{"a list with " + kind_of(element) + " in it"};
    texts.push_back(text->get());
  }
  return texts;
}

Value value_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* integer = node.as_integer()) return integer->get();
  if (const auto* real = node.as_floating_point()) return real->get();
  if (const auto* boolean = node.as_boolean()) return boolean->get();
  if (const auto* array = node.as_array()) return list_value(*array);
  return Unfit{kind_of(node)};
}

// Carries what a parsed file says into a draft.
class FileReader {
 public:
  explicit FileReader(SettingsDraft& draft) : draft_(draft) {}

  void read(const toml::table& root) {
    for (const auto& [key, node] : root) {
      const std::string name(key.str());
      if (name == "listener") {
        read_list(name, node, draft_.settings.listeners);
      } else if (name == "certificate") {
        read_list(name, node, draft_.settings.certificates);
      } else if (name == "rule") {
        read_list(name, node, draft_.settings.rules);
      } else if (name == "origin") {
        read_list(name, node, draft_.settings.origins);
      } else if (name == "route") {
        read_routes(node);
      } else if (const auto* table = node.as_table()) {
        read_section(name, key, *table);
      } else {
        set({name}, key, node);
      }
    }
  }

 private:
  static bool is_section(const std::string& name) {
    for (const std::string_view known : {"paths", "cordoning", "notices", "delivery", "credentials",
                                         "dns", "limits", "log", "control"}) {
      if (name == known) return true;
    }
    return false;
  }

  void read_section(const std::string& name, const toml::key& key, const toml::table& table) {
    const FoundKey scalar = draft_.find({name});
    if (!is_section(name) && !scalar.target) {
      draft_.blame(place_of(key.source()),
                   "unknown section [" + name + "]" + suggest_section(name));
      return;
    }
    if (scalar.target) return set({name}, key, table);
    for (const auto& [inner, node] : table) set({name, std::string(inner.str())}, inner, node);
  }

  template <typename Owner>
  void read_list(const std::string& name, const toml::node& node, std::vector<Owner>& list) {
    const auto* array = node.as_array();
    if (array == nullptr || (!array->empty() && !array->is_homogeneous<toml::table>())) {
      draft_.blame(place_of(node.source()),
                   name + ": expected tables, each under [[" + name + "]]; found " + kind_of(node));
      return;
    }
    list.assign(array->size(), Owner{});
    for (std::size_t i = 0; i < array->size(); ++i) {
      read_member(name, std::to_string(i), *array->get_as<toml::table>(i));
    }
  }

  void read_routes(const toml::node& node) {
    const auto* table = node.as_table();
    if (table == nullptr) {
      draft_.blame(place_of(node.source()),
                   "route: expected tables, each under [route.NAME]; found " + kind_of(node));
      return;
    }
    draft_.settings.routes.clear();
    for (const auto& [key, inner] : *table) {
      const std::string name(key.str());
      const auto* route = inner.as_table();
      if (route == nullptr) {
        draft_.blame(
            place_of(key.source()),
            "route." + name + ": expected a table under [route.NAME]; found " + kind_of(inner));
        continue;
      }
      draft_.settings.routes[name];
      read_member("route", name, *route);
    }
  }

  void read_member(const std::string& group, const std::string& member, const toml::table& table) {
    draft_.note_place(group + "." + member, place_of(table.source()));
    for (const auto& [key, node] : table) set({group, member, std::string(key.str())}, key, node);
  }

  // A wrong key is shown at the key, a wrong value at the value.
  void set(const std::vector<std::string>& path, const toml::key& key, const toml::node& node) {
    const FoundKey found = draft_.find(path);
    draft_.set(found, value_of(node), place_of(found.target ? node.source() : key.source()));
  }

  SettingsDraft& draft_;
};

std::vector<std::string> split(std::string_view text, char by) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(by);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

// The text of an override as the value that its target asks for: shells make quotes a nuisance.
Value override_value(const Target& target, const std::string& text) {
  const bool is_list = std::holds_alternative<std::vector<std::string>*>(target);
  const bool is_text = std::holds_alternative<std::string*>(target);
  if (is_list && !text.starts_with('['))
    return text.empty() ? std::vector<std::string>{} : split(text, ',');
  if (is_text && !text.starts_with('"') && !text.starts_with('\'')) return text;
  if (stray_letter(text)) return text;
  const toml::parse_result parsed = toml::parse("value = " + text);
  if (parsed && parsed.table().size() == 1) return value_of(*parsed.table().get("value"));
  return text;
}

void apply_override(SettingsDraft& draft, const std::string& text) {
  const SettingPlace place{0, 0, text};
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    draft.blame(place, "expected KEY=VALUE, such as cordoning.period=5s");
    return;
  }
  const FoundKey found = draft.find(split(text.substr(0, equals), '.'));
  if (!found.target) return draft.blame(place, found.problem);
  draft.set(found, override_value(*found.target, text.substr(equals + 1)), place);
}

SettingsResult finish(SettingsDraft& draft, const std::string& name,
                      std::span<const std::string> overrides) {
  for (const std::string& text : overrides) apply_override(draft, text);
  draft.check();
  auto problems = draft.problems();
  if (problems.empty()) return std::move(draft.settings);
  return SettingsError{name, std::move(problems)};
}

SettingsError one_problem(const std::string& file, std::string text) {
  SettingsError error{file, {}};
  error.problems.push_back({0, 0, {}, std::move(text)});
  return error;
}

}  // namespace

SettingsResult parse_settings(std::string_view text, const std::string& name,
                              std::span<const std::string> overrides) {
  if (const auto stray = stray_letter(text)) {
    SettingsError error{name, {}};
    error.problems.push_back({stray->line,
                              stray->column,
                              {},
                              "a letter beyond ASCII may stand in a text or a comment only"});
    return error;
  }
  const toml::parse_result parsed = toml::parse(text, name);
  if (!parsed) {
    SettingsError error{name, {}};
    const auto& at = parsed.error().source().begin;
    error.problems.push_back({at.line, at.column, {}, printable(parsed.error().description())});
    return error;
  }
  SettingsDraft draft;
  FileReader(draft).read(parsed.table());
  return finish(draft, name, overrides);
}

SettingsResult read_settings(const std::string& file, std::span<const std::string> overrides) {
  if (file.empty()) {
    SettingsDraft draft;
    return finish(draft, file, overrides);
  }
  std::error_code none;
  if (std::filesystem::is_directory(file, none)) return one_problem(file, "it is a directory");
  std::ifstream in(file, std::ios::binary);
  if (!in) return one_problem(file, std::string("cannot open it: ") + std::strerror(errno));
  std::ostringstream text;
  text << in.rdbuf();
  if (in.bad() || text.bad()) return one_problem(file, "cannot read it");
  return parse_settings(text.view(), file, overrides);
}

std::string SettingsError::to_string() const {
  std::string out;
  for (const Problem& problem : problems) {
    if (!out.empty()) out += '\n';
    if (!problem.override_text.empty()) {
      out += "--set " + printable(problem.override_text) + ": ";
    } else {
      out += file + ":";
      if (problem.line != 0) {
        out += std::to_string(problem.line) + ":" + std::to_string(problem.column) + ":";
      }
      out += " ";
    }
    out += problem.text;
  }
  return out;
}

void throw_exception_from_error(const SettingsError& error, const boost::source_location&) {
  throw std::runtime_error(error.to_string());
}

}  // namespace cordon::proxy
