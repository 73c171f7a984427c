#include "wire/reply.h"

#include "wire/row_json.h"

namespace cordon::wire {
namespace {

std::optional<Role> role_of(std::string_view text) {
  for (const Role role : {Role::none, Role::view, Role::review, Role::admin}) {
    if (word(role) == text) return role;
  }
  return std::nullopt;
}

// A code that this side does not know is a failure like any other.
ErrorCode code_of(std::string_view text) {
  for (int i = 0; i <= static_cast<int>(ErrorCode::busy); ++i) {
    if (word(static_cast<ErrorCode>(i)) == text) return static_cast<ErrorCode>(i);
  }
  return ErrorCode::failed;
}

struct Encoder {
  Json operator()(const Hello& hello) const {
    return {{"hello",
             {{"v", hello.version},
              {"server", hello.server},
              {"hostname", hello.hostname},
              {"role", word(hello.role)}}}};
  }
  Json operator()(const RowReply& reply) const {
    return {{"id", reply.request}, {"row", to_json(reply.row)}};
  }
  Json operator()(const End& end) const {
    Json inner{{"rows", end.rows}, {"changed", end.changed}};
    if (!end.notes.empty()) inner["notes"] = end.notes;
    return {{"id", end.request}, {"end", std::move(inner)}};
  }
  Json operator()(const ErrorReply& error) const {
    return {{"id", error.request},
            {"error", {{"code", word(error.code)}, {"message", error.message}}}};
  }
};

std::string text_at(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t count_at(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::optional<Reply> hello_of(const Json& json) {
  const auto version = json.find("v");
  const auto role = role_of(text_at(json, "role"));
  if (version == json.end() || !version->is_number_integer() || !role) return std::nullopt;
  return Hello{version->get<int>(), text_at(json, "server"), text_at(json, "hostname"), *role};
}

End end_of(std::int64_t id, const Json& json) {
  End end{id, count_at(json, "rows"), count_at(json, "changed"), {}};
  const auto notes = json.find("notes");
  if (notes == json.end() || !notes->is_array()) return end;
  for (const Json& note : *notes) {
    if (note.is_string()) end.notes.push_back(note.get<std::string>());
  }
  return end;
}

}  // namespace

std::string encode(const Reply& reply) { return dump(std::visit(Encoder{}, reply)); }

std::optional<Reply> decode_reply(std::string_view line) {
  const auto json = parse_object(line);
  if (!json) return std::nullopt;
  if (const auto hello = json->find("hello"); hello != json->end()) {
    return hello->is_object() ? hello_of(*hello) : std::nullopt;
  }
  const auto id = json->find("id");
  if (id == json->end() || !id->is_number_integer()) return std::nullopt;
  const auto request = id->get<std::int64_t>();
  if (const auto row = json->find("row"); row != json->end()) {
    auto decoded = row_of(*row);
    if (!decoded) return std::nullopt;
    return RowReply{request, std::move(*decoded)};
  }
  if (const auto end = json->find("end"); end != json->end() && end->is_object()) {
    return end_of(request, *end);
  }
  if (const auto error = json->find("error"); error != json->end() && error->is_object()) {
    return ErrorReply{request, code_of(text_at(*error, "code")), text_at(*error, "message")};
  }
  return std::nullopt;
}

}  // namespace cordon::wire
