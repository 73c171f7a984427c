#include "wire/rows.h"

#include <array>
#include <type_traits>

#include "smtp/base64.h"
#include "wire/row_fields.h"
#include "wire/row_json.h"

namespace cordon::wire {
namespace {

// In the order of Row's alternatives.
constexpr std::array<std::string_view, std::variant_size_v<Row>> type_words = {
    "status", "message",    "id",   "recipient", "history",    "content", "alert",
    "cordon", "transcript", "bait", "hit",       "revocation", "warning", "audit"};

class Writer {
 public:
  explicit Writer(Json& json) : json_(json) {}

  template <typename T>
  void operator()(const char* name, const T& value) {
    json_[name] = value;
  }
  // Identifiers that are none, and times that did not come, are left out.
  void operator()(const char* name, const Id& id) {
    if (id.value != 0) json_[name] = std::to_string(id.value);
  }
  void operator()(const char* name, const std::optional<Time>& time) {
    if (time) json_[name] = *time;
  }
  void operator()(const char* name, const std::vector<MessageRecipient>& recipients) {
    Json& list = json_[name] = Json::array();
    for (const MessageRecipient& recipient : recipients) {
      Json entry{{"address", recipient.address}};
      if (!recipient.delay_reason.empty()) entry["delay_reason"] = recipient.delay_reason;
      list.push_back(std::move(entry));
    }
  }
  void octets(const char* name, const std::string& value) {
    json_[name] = smtp::encode_base64(value);
  }

 private:
  Json& json_;
};

class Scanner {
 public:
  explicit Scanner(const Json& json) : json_(json) {}
  bool ok() const { return ok_; }

  void operator()(const char* name, std::string& value) { take(name, value, &Json::is_string); }
  void operator()(const char* name, bool& value) { take(name, value, &Json::is_boolean); }
  void operator()(const char* name, std::int64_t& value) {
    take(name, value, &Json::is_number_integer);
  }
  void operator()(const char* name, std::uint64_t& value) {
    take(name, value, &Json::is_number_unsigned);
  }
  void operator()(const char* name, Id& id) {
    const auto found = json_.find(name);
    if (found == json_.end()) return;
    const auto value = parse_id(*found);
    ok_ = ok_ && value;
    id.value = value.value_or(0);
  }
  void operator()(const char* name, std::optional<Time>& time) {
    if (json_.contains(name)) (*this)(name, time.emplace());
  }
  void operator()(const char* name, std::vector<MessageRecipient>& recipients) {
    const auto found = json_.find(name);
    if (found == json_.end() || !found->is_array()) {
      ok_ = false;
      return;
    }
    for (const Json& entry : *found) {
      Scanner inner(entry);
      MessageRecipient& recipient = recipients.emplace_back();
      if (!entry.is_object()) {
        ok_ = false;
        return;
      }
      inner("address", recipient.address);
      if (entry.contains("delay_reason")) inner("delay_reason", recipient.delay_reason);
      ok_ = ok_ && inner.ok();
    }
  }
  void octets(const char* name, std::string& value) {
    std::string text;
    (*this)(name, text);
    auto decoded = smtp::decode_base64(text);
    ok_ = ok_ && decoded;
    value = std::move(decoded).value_or("");
  }

 private:
  template <typename T>
  void take(const char* name, T& value, bool (Json::*is)() const noexcept) {
    const auto found = json_.find(name);
    ok_ = ok_ && found != json_.end() && ((*found).*is)();
    if (ok_) value = found->template get<T>();
  }

  const Json& json_;
  bool ok_ = true;
};

template <std::size_t I = 0>
std::optional<Row> scan(std::string_view type, const Json& json) {
  if constexpr (I == std::variant_size_v<Row>) {
    return std::nullopt;
  } else {
    if (type != type_words[I]) return scan<I + 1>(type, json);
    std::variant_alternative_t<I, Row> row;
    Scanner scanner(json);
    visit_fields(scanner, row);
    if (!scanner.ok()) return std::nullopt;
    return row;
  }
}

}  // namespace

Json to_json(const Row& row) {
  Json json{{"type", type_words[row.index()]}};
  Writer writer(json);
  std::visit([&](auto copy) { visit_fields(writer, copy); }, row);
  return json;
}

std::optional<Row> row_of(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  const auto type = json.find("type");
  if (type == json.end() || !type->is_string()) return std::nullopt;
  return scan(type->get_ref<const std::string&>(), json);
}

std::string encode(const Row& row) { return dump(to_json(row)); }

std::optional<Row> decode_row(std::string_view text) {
  const auto json = parse_object(text);
  return json ? row_of(*json) : std::nullopt;
}

std::vector<RowField> fields(const Row& row) {
  std::vector<RowField> out;
  const Json json = to_json(row);
  for (const auto& [name, value] : json.items()) {
    const auto* text = value.get_ptr<const std::string*>();
    out.push_back({name, text != nullptr ? *text : dump(value)});
  }
  return out;
}

}  // namespace cordon::wire
