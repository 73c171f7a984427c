#include "proxy/control_service.h"

#include <algorithm>
#include <set>

#include "proxy/control_query.h"

namespace cordon::proxy {
namespace {

using store::MessageFilter;
using store::MessageId;
using wire::Command;
using wire::ErrorCode;
using wire::Fault;

// One request that changes something. Actions take ids only: what a person confirmed is exactly
// what is done, whatever arrived in between.
class ControlChange {
 public:
  ControlChange(OperatorActions& actions, ControlQuery& query, const wire::Request& request,
                const Caller& who)
      : actions_(actions), query_(query), args_(request.args), who_(who) {}

  Refusal run(Command command) {
    using enum MessageFilter::Which;
    switch (command) {
      case Command::queue_hold:
        return on_messages(queue, &OperatorActions::hold_messages);
      case Command::queue_release:
        return on_messages(queue, &OperatorActions::release_messages);
      case Command::queue_delete:
        return on_messages(queue, &OperatorActions::delete_messages);
      case Command::quarantine_release:
        return on_messages(quarantine, &OperatorActions::release_messages);
      case Command::quarantine_delete:
        return on_messages(quarantine, &OperatorActions::delete_messages);
      case Command::cordon_add:
        return add_cordon();
      case Command::cordon_lift:
        return lift_cordons();
      case Command::bait_add:
        return add_baits();
      case Command::bait_remove:
        return retire_baits();
      case Command::warning_approve:
        return approve_warnings();
      default:
        return Fault{ErrorCode::unknown_command, "there is no such command", 0};
    }
  }

  ActionResult result;

 private:
  using MessageAction = ActionResult (OperatorActions::*)(std::span<const MessageId>,
                                                          const Caller&);

  static Fault bad(std::string message) { return {ErrorCode::bad_argument, std::move(message), 0}; }

  // The error with its notes: which bait was refused, and why.
  static std::string reasons(const ActionResult& done) {
    constexpr std::size_t enough = 20;
    std::string words = done.error;
    for (std::size_t i = 0; i < done.notes.size(); ++i) {
      if (i == enough) return words + "; and " + std::to_string(done.notes.size() - i) + " more";
      words += "; " + done.notes[i];
    }
    return words;
  }

  Refusal take(ActionResult done) {
    if (!done.ok()) return Fault{ErrorCode::failed, reasons(done), 0};
    result = std::move(done);
    return std::nullopt;
  }

  template <typename Id>
  std::vector<Id> ids() const {
    std::vector<Id> out;
    for (const std::int64_t id : args_.ids) out.push_back(Id{id});
    return out;
  }

  // `queue release` must not let out what is in quarantine, nor the other way.
  Refusal on_messages(MessageFilter::Which which, MessageAction action) {
    if (args_.ids.empty()) return bad("ids: none given");
    std::vector<MessageId> there;
    std::set<std::int64_t> others(args_.ids.begin(), args_.ids.end());
    auto refusal = query_.for_each_message(which, [&](const store::MessageView& view) {
      there.push_back(view.message.id);
      others.erase(static_cast<std::int64_t>(view.message.id));
      return true;
    });
    if (refusal) return refusal;
    if (!there.empty()) refusal = take((actions_.*action)(there, who_));
    const char* where =
        which == MessageFilter::Which::queue ? ": not in the queue" : ": not in quarantine";
    for (const std::int64_t id : others) result.notes.push_back(std::to_string(id) + where);
    return refusal;
  }

  Refusal add_cordon() {
    if (args_.origin.empty()) return bad("origin: none given");
    Refusal refusal;
    const auto origin = query_.find_origin(args_.origin, refusal);
    return refusal ? refusal : take(actions_.add_cordon(*origin, args_.reason, who_));
  }

  Refusal lift_cordons() {
    if (args_.ids.empty()) return bad("ids: none given");
    for (const std::int64_t id : args_.ids) {
      const ActionResult done = actions_.lift_cordon(store::CordonId{id}, args_.withdraw, who_);
      if (!done.ok()) {
        // What was lifted before stays lifted; the client must learn of both.
        if (args_.ids.size() == 1) return Fault{ErrorCode::failed, reasons(done), 0};
        result.notes.push_back(std::to_string(id) + ": " + done.error);
        continue;
      }
      result.changed += done.changed;
      result.notes.insert(result.notes.end(), done.notes.begin(), done.notes.end());
    }
    return std::nullopt;
  }

  Refusal add_baits() {
    if (args_.baits.empty()) return bad("baits: none given");
    std::vector<NewBait> baits;
    for (const wire::NewBait& bait : args_.baits) {
      baits.push_back({static_cast<baits::BaitKind>(bait.kind), bait.value, bait.label});
    }
    return take(actions_.add_baits(baits, args_.force, who_));
  }

  Refusal retire_baits() {
    if (args_.ids.empty()) return bad("ids: none given");
    return take(actions_.retire_baits(ids<baits::BaitId>(), args_.reason, who_));
  }

  Refusal approve_warnings() {
    if (args_.ids.empty()) return bad("ids: none given");
    return take(actions_.approve_warnings(ids<store::WarningId>(), who_));
  }

  OperatorActions& actions_;
  ControlQuery& query_;
  const wire::Arguments& args_;
  const Caller& who_;
};

}  // namespace

void ControlService::serve(const wire::Request& request, wire::Role role, const Caller& who,
                           const ReplySink& sink) {
  const wire::CommandFacts& command = wire::facts(request.command);
  const auto refuse = [&](ErrorCode code, const std::string& message) {
    sink(wire::ErrorReply{request.id, code, message});
  };
  const wire::Role needed = request.args.show_baits ? wire::Role::admin : command.role;
  if (role < needed) {
    return refuse(ErrorCode::not_permitted,
                  std::string(request.args.show_baits ? "show_baits" : command.name) +
                      " needs the role " + std::string(word(needed)) + "; yours is " +
                      std::string(word(role)));
  }
  ControlQuery query(actions_, reader_, now_(), request, sink);
  ControlChange change(actions_, query, request, who);
  const Refusal refusal = command.changes ? change.run(request.command) : query.run();
  if (query.client_gone()) return;
  if (refusal) return refuse(refusal->code, refusal->message);
  sink(wire::End{request.id, query.rows(), change.result.changed, std::move(change.result.notes)});
}

}  // namespace cordon::proxy
