// The commands of the control protocol, as a table: who may give one, whether it changes anything,
// and which arguments it takes.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace cordon::wire {

// What a caller may do; each includes those before it.
enum class Role : std::uint8_t { none, view, review, admin };
std::string_view word(Role role);

enum class Command : std::uint8_t {
  status,
  queue_list,
  queue_show,
  queue_content,
  queue_hold,
  queue_release,
  queue_delete,
  quarantine_list,
  quarantine_show,
  quarantine_export,
  quarantine_release,
  quarantine_delete,
  alert_list,
  alert_show,
  cordon_list,
  cordon_show,
  cordon_add,
  cordon_lift,
  bait_list,
  bait_add,
  bait_remove,
  bait_test,
  revocation_list,
  warning_list,
  warning_approve,
  audit,
};

// Arguments, as bits.
namespace takes {
inline constexpr std::uint32_t nothing = 0;
inline constexpr std::uint32_t ids = 1u << 0;
inline constexpr std::uint32_t origin = 1u << 1;
inline constexpr std::uint32_t sender = 1u << 2;
inline constexpr std::uint32_t recipient = 1u << 3;
inline constexpr std::uint32_t alert = 1u << 4;
inline constexpr std::uint32_t age = 1u << 5;  // older_than, younger_than
inline constexpr std::uint32_t limit = 1u << 6;
inline constexpr std::uint32_t ids_only = 1u << 7;
inline constexpr std::uint32_t show_baits = 1u << 8;  // needs the role admin
inline constexpr std::uint32_t ended = 1u << 9;       // also lifted cordons, retired baits
inline constexpr std::uint32_t withdraw = 1u << 10;
inline constexpr std::uint32_t force = 1u << 11;
inline constexpr std::uint32_t reason = 1u << 12;
inline constexpr std::uint32_t baits = 1u << 13;
inline constexpr std::uint32_t address = 1u << 14;
inline constexpr std::uint32_t selection = ids | origin | sender | recipient | alert | age | limit;
}  // namespace takes

struct CommandFacts {
  Command command;
  std::string_view name;  // on the wire: "queue.list"
  Role role;              // the least that may give it
  bool changes;           // anything at all
  bool undoable;          // another command takes it back
  std::uint32_t arguments;
};

std::span<const CommandFacts> commands();
const CommandFacts& facts(Command command);
const CommandFacts* find_command(std::string_view name);  // null if there is none

}  // namespace cordon::wire
