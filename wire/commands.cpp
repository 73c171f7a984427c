#include "wire/commands.h"

#include <array>

namespace cordon::wire {
namespace {

using enum Role;
constexpr std::uint32_t listed = takes::selection | takes::ids_only | takes::show_baits;
constexpr std::uint32_t shown = takes::ids | takes::show_baits;

// In the order of Command. Release is not undoable: what has left is gone.
// clang-format off
constexpr std::array table = std::to_array<CommandFacts>({
    // command                    name                  role    changes undoable arguments
    {Command::status,             "status",             view,   false,  true,  takes::nothing},
    {Command::queue_list,         "queue.list",         view,   false,  true,  listed},
    {Command::queue_show,         "queue.show",         view,   false,  true,  shown},
    {Command::queue_content,      "queue.content",      review, false,  true,  takes::ids},
    {Command::queue_hold,         "queue.hold",         review, true,   true,  takes::ids},
    {Command::queue_release,      "queue.release",      review, true,   false, takes::ids},
    {Command::queue_delete,       "queue.delete",       review, true,   false, takes::ids},
    {Command::quarantine_list,    "quarantine.list",    view,   false,  true,  listed},
    {Command::quarantine_show,    "quarantine.show",    view,   false,  true,  shown},
    {Command::quarantine_export,  "quarantine.export",  review, false,  true,  takes::ids},
    {Command::quarantine_release, "quarantine.release", review, true,   false, takes::ids},
    {Command::quarantine_delete,  "quarantine.delete",  review, true,   false, takes::ids},
    {Command::alert_list,         "alert.list",         view,   false,  true,  takes::origin | takes::limit},
    {Command::alert_show,         "alert.show",         view,   false,  true,  shown},
    {Command::cordon_list,        "cordon.list",        view,   false,  true,  takes::origin | takes::limit | takes::ended},
    {Command::cordon_show,        "cordon.show",        view,   false,  true,  shown | takes::limit},
    {Command::cordon_add,         "cordon.add",         admin,  true,   true,  takes::origin | takes::reason},
    {Command::cordon_lift,        "cordon.lift",        admin,  true,   false, takes::ids | takes::withdraw},
    {Command::bait_list,          "bait.list",          view,   false,  true,  takes::limit | takes::ended | takes::show_baits},
    {Command::bait_add,           "bait.add",           admin,  true,   true,  takes::baits | takes::force},
    {Command::bait_remove,        "bait.remove",        admin,  true,   true,  takes::ids | takes::reason},
    {Command::bait_test,          "bait.test",          admin,  false,  true,  takes::address},
    {Command::revocation_list,    "revocation.list",    view,   false,  true,
     takes::origin | takes::sender | takes::recipient | takes::age | takes::limit | takes::show_baits},
    {Command::warning_list,       "warning.list",       view,   false,  true,  takes::alert | takes::limit | takes::show_baits},
    {Command::warning_approve,    "warning.approve",    review, true,   false, takes::ids},
    {Command::audit,              "audit",              view,   false,  true,  takes::limit},
});
// clang-format on

constexpr bool in_order() {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (static_cast<std::size_t>(table[i].command) != i) return false;
  }
  return true;
}
static_assert(in_order());

}  // namespace

std::string_view word(Role role) {
  constexpr std::array<std::string_view, 4> words = {"none", "view", "review", "admin"};
  return words[static_cast<std::size_t>(role)];
}

std::span<const CommandFacts> commands() { return table; }

const CommandFacts& facts(Command command) { return table[static_cast<std::size_t>(command)]; }

const CommandFacts* find_command(std::string_view name) {
  for (const CommandFacts& entry : table) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

}  // namespace cordon::wire
