#include "ctl/selection.h"

#include <charconv>

#include "ctl/terminal_text.h"

namespace cordon::ctl {
namespace {

std::string quoted(std::string_view text) { return "\"" + neutralised(text) + "\""; }

bool add_id(std::string_view word, std::vector<std::int64_t>& ids, std::string& fault) {
  const auto id = parse_id(word);
  if (!id) fault = quoted(word) + " is no id; ids are numbers";
  if (id) ids.push_back(*id);
  return id.has_value();
}

bool add_word(const std::string& word, std::istream& in, Selection& selection, std::string& fault) {
  if (word == "ALL") {
    selection.everything = true;
    return true;
  }
  if (word == "-") {
    std::string one;
    while (in >> one) {
      if (!add_id(one, selection.args.ids, fault)) return false;
    }
    if (selection.args.ids.empty()) fault = "no ids came on standard input";
    return fault.empty();
  }
  std::string lower = word;
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (lower == "all") {
    fault = "write ALL, in capitals, to mean everything";
    return false;
  }
  return add_id(word, selection.args.ids, fault);
}

bool add_age(const char* option, const std::string& text, std::optional<std::int64_t>& age,
             std::string& fault) {
  if (text.empty()) return true;
  age = parse_age(text);
  if (!age)
    fault =
        std::string(option) + ": expected an age such as 90s, 5m, 2h or 3d, not " + quoted(text);
  return age.has_value();
}

}  // namespace

bool SelectionWords::any_filter() const {
  return !origin.empty() || !sender.empty() || !recipient.empty() || !alert.empty() ||
         !older_than.empty() || !younger_than.empty();
}

std::optional<Selection> read_selection(const SelectionWords& words, std::istream& in,
                                        std::string& fault) {
  Selection selection;
  wire::Arguments& args = selection.args;
  for (const std::string& word : words.ids) {
    if (!add_word(word, in, selection, fault)) return std::nullopt;
  }
  selection.filtered = words.any_filter();
  if (selection.everything && (selection.filtered || !args.ids.empty())) {
    fault = "ALL means everything; give it alone";
    return std::nullopt;
  }
  args.origin = words.origin;
  args.sender = words.sender;
  args.recipient = words.recipient;
  if (!words.alert.empty()) {
    args.alert = parse_id(words.alert);
    if (!args.alert) {
      fault = "--alert: " + quoted(words.alert) + " is no id; ids are numbers";
      return std::nullopt;
    }
  }
  if (!add_age("--older-than", words.older_than, args.older_than, fault) ||
      !add_age("--younger-than", words.younger_than, args.younger_than, fault)) {
    return std::nullopt;
  }
  return selection;
}

std::optional<std::int64_t> parse_age(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 0 || number > 1'000'000) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  if (unit == "s") return number;
  if (unit == "m") return number * 60;
  if (unit == "h") return number * 3600;
  if (unit == "d") return number * 86'400;
  if (unit == "w") return number * 604'800;
  return std::nullopt;
}

std::optional<std::int64_t> parse_id(std::string_view text) {
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id <= 0) return std::nullopt;
  return id;
}

}  // namespace cordon::ctl
