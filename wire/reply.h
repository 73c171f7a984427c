// What cordond says on the control socket: a greeting, then for each request any number of rows and
// one end or error.
//
//   {"hello":{"v":1,"server":"cordond 0.1.0","hostname":"gw.example","role":"review"}}
//   {"id":7,"row":{"type":"message",...}}
//   {"id":7,"end":{"rows":1,"changed":0}}
//   {"id":7,"error":{"code":"not_permitted","message":"bait.add needs the role admin"}}
//
// An error without a known request has id 0, and the connection ends with it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "wire/request.h"
#include "wire/rows.h"

namespace cordon::wire {

inline constexpr std::size_t max_reply_line = 4'194'304;  // octets

struct Hello {
  int version = control_version;
  std::string server;
  std::string hostname;
  Role role = Role::none;
  bool operator==(const Hello&) const = default;
};

struct RowReply {
  std::int64_t request = 0;
  Row row;
  bool operator==(const RowReply&) const = default;
};

struct End {
  std::int64_t request = 0;
  std::uint64_t rows = 0;
  std::uint64_t changed = 0;       // how many objects an action applied to
  std::vector<std::string> notes;  // what it did not apply to, and why
  bool operator==(const End&) const = default;
};

struct ErrorReply {
  std::int64_t request = 0;
  ErrorCode code = ErrorCode::failed;
  std::string message;
  bool operator==(const ErrorReply&) const = default;
};

using Reply = std::variant<Hello, RowReply, End, ErrorReply>;

// One line without its LF.
std::string encode(const Reply& reply);
std::optional<Reply> decode_reply(std::string_view line);

}  // namespace cordon::wire
