#include "proxy/settings_values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <span>
#include <type_traits>

#include "proxy/settings_forms.h"

namespace cordon::proxy {
namespace {

constexpr std::array<std::string_view, 3> mode_words = {"observe", "hold", "enforce"};
constexpr std::array<std::string_view, 2> on_cap_words = {"commit_oldest", "defer"};
constexpr std::array<std::string_view, 2> log_format_words = {"text", "json"};
constexpr std::array<std::string_view, 2> verify_recipients_words = {"none", "upstream"};
constexpr std::array<std::string_view, 2> lookup_words = {"host", "mx"};
constexpr std::array<std::string_view, 3> extension_words = {"mirror", "yes", "no"};
constexpr std::array<std::string_view, 4> upstream_tls_words = {"none", "opportunistic", "required",
                                                                "verify"};
constexpr std::array<std::string_view, 5> auth_mechanism_words = {"automatic", "plain", "login",
                                                                  "xoauth2", "oauthbearer"};
constexpr std::array<std::string_view, 3> tell_client_words = {"no", "xclient", "proxy"};
constexpr std::array<std::string_view, 4> listener_tls_words = {"none", "starttls", "required",
                                                                "implicit"};
constexpr std::array<std::string_view, 3> listener_auth_words = {"none", "offered", "required"};
constexpr std::array<std::string_view, 2> auth_verify_words = {"local", "upstream"};

std::span<const std::string_view> words_of(const Mode&) { return mode_words; }
std::span<const std::string_view> words_of(const OnCap&) { return on_cap_words; }
std::span<const std::string_view> words_of(const LogFormat&) { return log_format_words; }
std::span<const std::string_view> words_of(const VerifyRecipients&) {
  return verify_recipients_words;
}
std::span<const std::string_view> words_of(const Lookup&) { return lookup_words; }
std::span<const std::string_view> words_of(const Extension&) { return extension_words; }
std::span<const std::string_view> words_of(const UpstreamTls&) { return upstream_tls_words; }
std::span<const std::string_view> words_of(const AuthMechanism&) { return auth_mechanism_words; }
std::span<const std::string_view> words_of(const TellClient&) { return tell_client_words; }
std::span<const std::string_view> words_of(const ListenerTls&) { return listener_tls_words; }
std::span<const std::string_view> words_of(const ListenerAuth&) { return listener_auth_words; }
std::span<const std::string_view> words_of(const AuthVerify&) { return auth_verify_words; }

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  }
  return out + "\"";
}

std::string number_text(double number) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr;
  return {buffer.data(), end};
}

std::string shown(const Value& value) {
  struct {
    std::string operator()(bool b) const { return b ? "true" : "false"; }
    std::string operator()(std::int64_t n) const { return std::to_string(n); }
    std::string operator()(double n) const { return number_text(n); }
    std::string operator()(const std::string& s) const {
      constexpr std::size_t enough = 80;
      return s.size() <= enough ? quoted(s) : quoted(s.substr(0, enough)) + "...";
    }
    std::string operator()(const std::vector<std::string>&) const { return "a list"; }
    std::string operator()(const Unfit& unfit) const { return unfit.what; }
  } visitor;
  return std::visit(visitor, value);
}

template <typename Words>
std::string one_of(const Words& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i != 0) out += i + 1 == words.size() ? " or " : ", ";
    out += quoted(words[i]);
  }
  return out;
}

// ---- assignment; each sets its target or says no

bool fits(double number, const KeyFacts& facts) {
  return number >= facts.least && number <= facts.most;
}

class Assignment {
 public:
  Assignment(const KeyFacts& facts, const Value& value) : facts_(facts), value_(value) {}

  bool operator()(bool* target) const { return copy(target); }

  template <typename Number>
  requires std::is_unsigned_v<Number>
  bool operator()(Number* target) const {
    std::int64_t number = -1;
    if (const auto* integer = std::get_if<std::int64_t>(&value_)) {
      number = *integer;
    } else if (const auto* text = std::get_if<std::string>(&value_);
               text != nullptr && facts_.form == Form::octets) {
      const auto size = parse_size(*text);
      if (!size) return false;
      number = static_cast<std::int64_t>(*size);
    } else {
      return false;
    }
    if (number < 0 || !fits(static_cast<double>(number), facts_)) return false;
    if (static_cast<std::uint64_t>(number) > std::numeric_limits<Number>::max()) return false;
    *target = static_cast<Number>(number);
    return true;
  }

  bool operator()(double* target) const {
    double number = 0;
    if (const auto* integer = std::get_if<std::int64_t>(&value_)) {
      number = static_cast<double>(*integer);
    } else if (const auto* real = std::get_if<double>(&value_)) {
      number = *real;
    } else {
      return false;
    }
    if (!fits(number, facts_)) return false;  // NaN fits nothing
    *target = number;
    return true;
  }

  bool operator()(Seconds* target) const {
    const auto* text = std::get_if<std::string>(&value_);
    const auto duration = text != nullptr ? parse_duration(*text) : std::nullopt;
    if (!duration) return false;
    const auto seconds = std::chrono::duration_cast<Seconds>(*duration);
    if (seconds != *duration) {
      reason = "fractions of a second are not kept";
      return false;
    }
    if (!fits(static_cast<double>(seconds.count()), facts_)) return false;
    *target = seconds;
    return true;
  }

  bool operator()(std::string* target) const {
    const auto* text = std::get_if<std::string>(&value_);
    if (text == nullptr) return false;
    if (text->empty() ? !facts_.may_be_empty : !has_form(*text, facts_.form, reason)) return false;
    *target = *text;
    return true;
  }

  bool operator()(std::vector<std::string>* target) const {
    const auto* texts = std::get_if<std::vector<std::string>>(&value_);
    if (texts == nullptr) return false;
    for (const std::string& text : *texts) {
      if (text.empty() || !has_form(text, facts_.form, reason)) {
        reason = quoted(text) + " is none";
        return false;
      }
    }
    *target = *texts;
    return true;
  }

  // The empty text unsets an optional setting.
  template <typename T>
  bool operator()(std::optional<T>* target) const {
    if (const auto* text = std::get_if<std::string>(&value_); text != nullptr && text->empty()) {
      target->reset();
      return true;
    }
    T plain{};
    if (!(*this)(&plain)) return false;
    *target = plain;
    return true;
  }

  template <typename Enum>
  requires std::is_enum_v<Enum>
  bool operator()(Enum* target) const {
    const auto* text = std::get_if<std::string>(&value_);
    if (text == nullptr) return false;
    const auto words = words_of(*target);
    const auto word = std::find(words.begin(), words.end(), *text);
    if (word == words.end()) return false;
    *target = static_cast<Enum>(word - words.begin());
    return true;
  }

  mutable std::string reason;  // more than that it is not what was expected

 private:
  template <typename T>
  bool copy(T* target) const {
    const auto* value = std::get_if<T>(&value_);
    if (value != nullptr) *target = *value;
    return value != nullptr;
  }

  const KeyFacts& facts_;
  const Value& value_;
};

// ---- words for messages

template <typename Format>
std::string range_text(const KeyFacts& facts, Format format) {
  if (std::isinf(facts.most)) return " from " + format(facts.least) + " up";
  return " from " + format(facts.least) + " to " + format(facts.most);
}

std::string in_seconds(double n) { return format_duration(Seconds(static_cast<long>(n))); }
std::string in_octets(double n) { return format_size(static_cast<std::uint64_t>(n)); }
std::string whole(double n) { return std::to_string(static_cast<std::uint64_t>(n)); }

struct Expected {
  const KeyFacts& facts;
  Examples examples;

  std::string example(std::string_view what, std::string_view such_as) const {
    return std::string(what) + std::string(examples == Examples::yes ? such_as : "");
  }

  std::string operator()(const bool*) const { return "true or false"; }
  template <typename Number>
  requires std::is_unsigned_v<Number> std::string operator()(const Number*) const {
    if (facts.form == Form::octets) {
      return example("a size", " such as \"50 MiB\", or a number of octets,") +
             range_text(facts, in_octets);
    }
    return "a whole number" + range_text(facts, whole);
  }
  std::string operator()(const double*) const {
    return "a number" + range_text(facts, number_text);
  }
  std::string operator()(const Seconds*) const {
    return example("a duration", " such as \"60s\", \"5m\", \"1h\" or \"5d\",") +
           range_text(facts, in_seconds);
  }
  std::string operator()(const std::string*) const {
    return std::string(form_text(facts.form)) + (facts.may_be_empty ? ", or \"\"" : "");
  }
  std::string operator()(const std::vector<std::string>*) const {
    return std::string(list_text(facts.form));
  }
  template <typename T>
  std::string operator()(const std::optional<T>*) const {
    const T plain{};
    return (*this)(&plain) + ", or \"\"";
  }
  template <typename Enum>
  requires std::is_enum_v<Enum> std::string operator()(const Enum* target) const {
    return one_of(words_of(*target));
  }
};

struct Toml {
  const KeyFacts& facts;

  std::string operator()(const bool* value) const { return *value ? "true" : "false"; }
  template <typename Number>
  requires std::is_unsigned_v<Number> std::string operator()(const Number* value) const {
    return facts.form == Form::octets ? quoted(format_size(*value)) : std::to_string(*value);
  }
  std::string operator()(const double* value) const { return number_text(*value); }
  std::string operator()(const Seconds* value) const { return quoted(format_duration(*value)); }
  std::string operator()(const std::string* value) const { return quoted(*value); }
  std::string operator()(const std::vector<std::string>* values) const {
    std::string out;
    for (const std::string& value : *values) out += (out.empty() ? "" : ", ") + quoted(value);
    return "[" + out + "]";
  }
  template <typename T>
  std::string operator()(const std::optional<T>* value) const {
    return value->has_value() ? (*this)(&**value) : "\"\"";
  }
  template <typename Enum>
  requires std::is_enum_v<Enum> std::string operator()(const Enum* value) const {
    return quoted(words_of(*value)[static_cast<std::size_t>(*value)]);
  }
};

}  // namespace

std::optional<std::string> assign(const Target& target, const KeyFacts& facts, const Value& value) {
  const Assignment assignment(facts, value);
  if (std::visit(assignment, target)) return std::nullopt;
  std::string words = "expected " + expectation(target, facts) + "; found " + shown(value);
  if (!assignment.reason.empty()) words += " (" + assignment.reason + ")";
  return words;
}

std::string expectation(const Target& target, const KeyFacts& facts, Examples examples) {
  return std::visit(Expected{facts, examples}, target);
}

std::string to_toml(const Target& target, const KeyFacts& facts) {
  return std::visit(Toml{facts}, target);
}

bool equal(const Target& one, const Target& other) {
  return std::visit(
      [](auto* a, auto* b) {
        if constexpr (std::is_same_v<decltype(a), decltype(b)>) {
          return *a == *b;
        } else {
          return false;
        }
      },
      one, other);
}

}  // namespace cordon::proxy
