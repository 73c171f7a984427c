#include "wire/request.h"

#include <array>

#include "wire/json.h"

namespace cordon::wire {
namespace {

constexpr std::array<std::string_view, 3> bait_words = {"address", "domain", "local"};
constexpr std::array<std::string_view, 9> error_words = {
    "bad_request", "too_long", "wrong_version", "unknown_command", "bad_argument", "not_permitted",
    "not_found",   "failed",   "busy"};

Fault bad_argument(std::string message) { return {ErrorCode::bad_argument, std::move(message), 0}; }

// Each reads one argument; the words it returns say what was expected.
using Expected = std::optional<std::string_view>;

Expected read(const Json& json, std::string& out) {
  const auto* text = json.get_ptr<const std::string*>();
  if (text == nullptr || text->empty()) return "a text";
  out = *text;
  return {};
}

Expected read(const Json& json, bool& out) {
  if (!json.is_boolean()) return "true or false";
  out = json.get<bool>();
  return {};
}

Expected read_count(const Json& json, std::optional<std::int64_t>& out) {
  constexpr std::int64_t most = 1'000'000'000'000;
  if (!json.is_number_integer()) return "a whole number";
  if (json.is_number_unsigned() && json.get<std::uint64_t>() > most) return "a smaller number";
  if (json.get<std::int64_t>() < 0) return "a number from 0 up";
  out = json.get<std::int64_t>();
  return {};
}

Expected read_id(const Json& json, std::optional<std::int64_t>& out) {
  out = parse_id(json);
  return out ? Expected{} : "an id as decimal text";
}

Expected read(const Json& json, std::vector<std::int64_t>& out) {
  if (!json.is_array() || json.empty()) return "a list of ids";
  if (json.size() > max_ids) return "at most 10000 ids";
  for (const Json& element : json) {
    const auto id = parse_id(element);
    if (!id) return "ids as decimal text";
    out.push_back(*id);
  }
  return {};
}

Expected read(const Json& json, std::vector<NewBait>& out) {
  if (!json.is_array() || json.empty()) return "a list of baits";
  if (json.size() > max_new_baits) return "at most 10000 baits";
  for (const Json& element : json) {
    NewBait bait;
    std::string kind;
    if (!element.is_object()) return "baits as objects";
    for (const auto& [key, value] : element.items()) {
      std::string* field = key == "kind"    ? &kind
                           : key == "value" ? &bait.value
                           : key == "label" ? &bait.label
                                            : nullptr;
      if (field == nullptr || read(value, *field)) return "baits of kind, value and label";
    }
    const auto known = bait_kind(kind);
    if (!known || bait.value.empty()) return "baits of kind, value and label";
    bait.kind = *known;
    out.push_back(std::move(bait));
  }
  return {};
}

struct ArgumentFacts {
  std::string_view name;
  std::uint32_t bit;
  Expected (*read)(const Json& json, Arguments& args);
};

constexpr std::array argument_table = std::to_array<ArgumentFacts>({
    {"ids", takes::ids, [](const Json& j, Arguments& a) { return read(j, a.ids); }},
    {"origin", takes::origin, [](const Json& j, Arguments& a) { return read(j, a.origin); }},
    {"sender", takes::sender, [](const Json& j, Arguments& a) { return read(j, a.sender); }},
    {"recipient", takes::recipient,
     [](const Json& j, Arguments& a) { return read(j, a.recipient); }},
    {"alert", takes::alert, [](const Json& j, Arguments& a) { return read_id(j, a.alert); }},
    {"older_than", takes::age,
     [](const Json& j, Arguments& a) { return read_count(j, a.older_than); }},
    {"younger_than", takes::age,
     [](const Json& j, Arguments& a) { return read_count(j, a.younger_than); }},
    {"limit", takes::limit, [](const Json& j, Arguments& a) { return read_count(j, a.limit); }},
    {"ids_only", takes::ids_only, [](const Json& j, Arguments& a) { return read(j, a.ids_only); }},
    {"show_baits", takes::show_baits,
     [](const Json& j, Arguments& a) { return read(j, a.show_baits); }},
    {"ended", takes::ended, [](const Json& j, Arguments& a) { return read(j, a.ended); }},
    {"withdraw", takes::withdraw, [](const Json& j, Arguments& a) { return read(j, a.withdraw); }},
    {"force", takes::force, [](const Json& j, Arguments& a) { return read(j, a.force); }},
    {"reason", takes::reason, [](const Json& j, Arguments& a) { return read(j, a.reason); }},
    {"baits", takes::baits, [](const Json& j, Arguments& a) { return read(j, a.baits); }},
    {"address", takes::address, [](const Json& j, Arguments& a) { return read(j, a.address); }},
});

// No word of the request is repeated in a message: it may hold anything.
std::optional<Fault> read_arguments(const Json& json, const CommandFacts& command,
                                    Arguments& args) {
  if (!json.is_object()) return bad_argument("args: expected an object");
  for (const auto& [key, value] : json.items()) {
    const ArgumentFacts* known = nullptr;
    for (const ArgumentFacts& entry : argument_table) {
      if (entry.name == key) known = &entry;
    }
    if (known == nullptr) return bad_argument("args: an unknown argument");
    if ((known->bit & command.arguments) == 0) {
      return bad_argument(std::string(command.name) + " takes no " + std::string(known->name));
    }
    if (const Expected expected = known->read(value, args)) {
      return bad_argument(std::string(known->name) + ": expected " + std::string(*expected));
    }
  }
  return std::nullopt;
}

Json bait_json(const NewBait& bait) {
  Json json{{"kind", word(bait.kind)}, {"value", bait.value}};
  if (!bait.label.empty()) json["label"] = bait.label;
  return json;
}

Json arguments_json(const Arguments& args) {
  Json json = Json::object();
  const auto text = [&](const char* name, const std::string& value) {
    if (!value.empty()) json[name] = value;
  };
  const auto count = [&](const char* name, const std::optional<std::int64_t>& value) {
    if (value) json[name] = *value;
  };
  const auto flag = [&](const char* name, bool value) {
    if (value) json[name] = true;
  };
  for (const std::int64_t id : args.ids) json["ids"].push_back(std::to_string(id));
  text("origin", args.origin);
  text("sender", args.sender);
  text("recipient", args.recipient);
  if (args.alert) json["alert"] = std::to_string(*args.alert);
  count("older_than", args.older_than);
  count("younger_than", args.younger_than);
  count("limit", args.limit);
  flag("ids_only", args.ids_only);
  flag("show_baits", args.show_baits);
  flag("ended", args.ended);
  flag("withdraw", args.withdraw);
  flag("force", args.force);
  text("reason", args.reason);
  for (const NewBait& bait : args.baits) json["baits"].push_back(bait_json(bait));
  text("address", args.address);
  return json;
}

}  // namespace

std::string_view word(BaitKind kind) { return bait_words[static_cast<std::size_t>(kind)]; }

std::optional<BaitKind> bait_kind(std::string_view word) {
  for (std::size_t i = 0; i < bait_words.size(); ++i) {
    if (bait_words[i] == word) return static_cast<BaitKind>(i);
  }
  return std::nullopt;
}

std::string_view word(ErrorCode code) { return error_words[static_cast<std::size_t>(code)]; }

std::string encode(const Request& request) {
  Json json{{"v", control_version}, {"id", request.id}, {"command", facts(request.command).name}};
  Json args = arguments_json(request.args);
  if (!args.empty()) json["args"] = std::move(args);
  return dump(json);
}

boost::system::result<Request, Fault> decode_request(std::string_view line) {
  const auto json = parse_object(line);
  if (!json) return Fault{ErrorCode::bad_request, "expected one JSON object a line", 0};

  Request request;
  const auto fault = [&](ErrorCode code, std::string message) {
    return Fault{code, std::move(message), request.id};
  };
  if (const auto id = json->find("id"); id != json->end() && id->is_number_integer()) {
    request.id = id->get<std::int64_t>();
  } else {
    return fault(ErrorCode::bad_request, "id: expected a whole number");
  }
  const auto version = json->find("v");
  if (version == json->end() || *version != control_version) {
    return fault(ErrorCode::wrong_version, "v: this side speaks version 1");
  }
  const auto name = json->find("command");
  if (name == json->end() || !name->is_string()) {
    return fault(ErrorCode::bad_request, "command: expected a text");
  }
  const CommandFacts* command = find_command(name->get_ref<const std::string&>());
  if (command == nullptr) return fault(ErrorCode::unknown_command, "there is no such command");
  request.command = command->command;
  for (const auto& [key, value] : json->items()) {
    if (key == "args") {
      if (auto wrong = read_arguments(value, *command, request.args)) {
        return fault(wrong->code, wrong->message);
      }
    } else if (key != "v" && key != "id" && key != "command") {
      return fault(ErrorCode::bad_request, "expected v, id, command and args only");
    }
  }
  return request;
}

}  // namespace cordon::wire
