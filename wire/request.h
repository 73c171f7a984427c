// What a client of the control socket asks: one JSON object a line.
//
//   {"v":1,"id":7,"command":"queue.list","args":{"origin":"192.0.2.7","older_than":3600}}
//
// Decoding is strict: an argument that is unknown, of the wrong type, or not taken by the command
// is a fault, so that a misspelt selection never means "everything".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/system/result.hpp>

#include "wire/commands.h"

namespace cordon::wire {

inline constexpr int control_version = 1;
inline constexpr std::size_t max_request_line = 1'048'576;  // octets
inline constexpr std::size_t max_ids = 10'000;              // in one request
inline constexpr std::size_t max_new_baits = 10'000;

enum class BaitKind : std::uint8_t { address, domain, local_part };
std::string_view word(BaitKind kind);  // "address", "domain", "local"
std::optional<BaitKind> bait_kind(std::string_view word);

struct NewBait {
  BaitKind kind = BaitKind::address;
  std::string value;
  std::string label;
  bool operator==(const NewBait&) const = default;
};

// What a command works on and how; which of these it takes is in the command table.
struct Arguments {
  std::vector<std::int64_t> ids;
  std::string origin;     // id, identifier (an IP address, ...) or label
  std::string sender;     // address or @domain
  std::string recipient;  // likewise
  std::optional<std::int64_t> alert;
  std::optional<std::int64_t> older_than;  // seconds since acceptance
  std::optional<std::int64_t> younger_than;
  std::optional<std::int64_t> limit;  // rows
  bool ids_only = false;
  bool show_baits = false;
  bool ended = false;
  bool withdraw = false;
  bool force = false;
  std::string reason;
  std::vector<NewBait> baits;
  std::string address;
  bool operator==(const Arguments&) const = default;
};

struct Request {
  std::int64_t id = 0;  // chosen by the client, given back with each line of the answer
  Command command = Command::status;
  Arguments args;
  bool operator==(const Request&) const = default;
};

enum class ErrorCode : std::uint8_t {
  bad_request,  // no JSON, or not this protocol
  too_long,     // the line exceeds its limit
  wrong_version,
  unknown_command,
  bad_argument,
  not_permitted,
  not_found,
  failed,
  busy,  // too many clients
};
std::string_view word(ErrorCode code);

struct Fault {
  ErrorCode code = ErrorCode::failed;
  std::string message;
  std::int64_t request = 0;  // its id as far as known
};

// One line without its LF. The client keeps within max_request_line and max_ids.
std::string encode(const Request& request);
boost::system::result<Request, Fault> decode_request(std::string_view line);

}  // namespace cordon::wire
