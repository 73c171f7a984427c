// What operators may do, carried out (operator_actions.h). Called on the control thread.
#pragma once

#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "proxy/gateway.h"
#include "proxy/operator_actions.h"
#include "proxy/responder.h"

namespace cordon::proxy {

class OperatorDesk : public OperatorActions {
 public:
  OperatorDesk(Gateway& gateway, Responder& responder) : gateway_(gateway), responder_(responder) {}

  GatewayStatus status() override;
  ActionResult hold_messages(std::span<const store::MessageId> ids, const Caller& who) override;
  ActionResult release_messages(std::span<const store::MessageId> ids, const Caller& who) override;
  ActionResult delete_messages(std::span<const store::MessageId> ids, const Caller& who) override;
  ActionResult add_cordon(store::OriginId origin, std::string_view reason,
                          const Caller& who) override;
  ActionResult lift_cordon(store::CordonId cordon, bool withdraw, const Caller& who) override;
  ActionResult add_baits(std::span<const NewBait> baits, bool force, const Caller& who) override;
  ActionResult retire_baits(std::span<const baits::BaitId> ids, std::string_view why,
                            const Caller& who) override;
  std::optional<baits::Hit> test_bait(std::string_view mailbox) override;
  ActionResult approve_warnings(std::span<const store::WarningId> ids, const Caller& who) override;

 private:
  using Change = Cordoner::Change;
  // One message's change in memory, and the command that makes it durable.
  ActionResult change_messages(std::span<const store::MessageId> ids, const Caller& who,
                               const std::string& action,
                               const std::function<Change(Cordoner&, store::MessageId)>& change,
                               const std::function<store::Command(store::MessageId)>& command);
  store::Answer submit(store::Batch batch);  // and waits
  std::set<store::MessageId> frozen(std::span<const store::MessageId> ids);

  Gateway& gateway_;
  Responder& responder_;
  std::mutex approving_;
};

}  // namespace cordon::proxy
