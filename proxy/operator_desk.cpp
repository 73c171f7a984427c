#include "proxy/operator_desk.h"

#include <algorithm>
#include <future>

#include "baits/vetting.h"
#include "cordon/warning_plan.h"
#include "proxy/log.h"
#include "proxy/notice_texts.h"
#include "proxy/version.h"

namespace cordon::proxy {

using store::MessageId;

namespace {

constexpr auto history = std::chrono::hours(24 * 30);  // in which a name seen is no bait

template <typename Id>
std::string text_of(Id id) {
  return std::to_string(static_cast<std::int64_t>(id));
}

store::AddAudit audit(const Caller& who, std::string action, std::string object,
                      std::string detail = {}) {
  return {{.at = wall_now(),
           .uid = who.uid,
           .who = who.user,
           .action = std::move(action),
           .object = std::move(object),
           .detail = std::move(detail)}};
}

ActionResult failed(const store::Answer& answer) {
  return {.error = std::string(store::describe(answer.error)) + ": " + answer.detail};
}

}  // namespace

store::Answer OperatorDesk::submit(store::Batch batch) {
  auto answered = std::make_shared<std::promise<store::Answer>>();
  auto answer = answered->get_future();
  gateway_.store().submit(std::move(batch),
                          [answered](const store::Answer& a) { answered->set_value(a); });
  return answer.get();
}

GatewayStatus OperatorDesk::status() {
  GatewayStatus status;
  const auto& counters = gateway_.counters();
  status.version = version;
  status.hostname = gateway_.config()->hostname();
  status.gateway_id = gateway_.store().gateway_id();
  status.uptime_seconds = gateway_.clock().of_this_run().count();
  status.sessions = counters.sessions;
  status.accepted = counters.accepted;
  status.committed = counters.committed;
  status.deferred = counters.deferred;
  status.failed = counters.failed;
  status.violations = counters.violations;
  status.baits = gateway_.matcher()->size();
  gateway_.with_policy([&](Policy& policy) {
    const auto& counts = policy.cordoner.counts();
    status.held = counts.held;
    status.quarantined = counts.quarantined;
    status.in_flight = counts.in_flight;
    status.commits_stopped = policy.cordoner.commits_stopped();
    status.review_of_all = policy.recovery.review_of_all();
    status.active_cordons = policy.recovery.enforced();
    status.origins = policy.origins.size();
  });
  return status;
}

// ---- messages

// Durable first, then in force: a release that the disk could not take must not leave. A delete
// that memory refuses (the message is leaving) never reaches the store.
ActionResult OperatorDesk::change_messages(
    std::span<const MessageId> ids, const Caller& who, const std::string& action,
    const std::function<Change(Cordoner&, MessageId)>& change,
    const std::function<store::Command(MessageId)>& command) {
  ActionResult result;
  constexpr std::size_t at_once = 500;
  for (std::size_t begin = 0; begin < ids.size(); begin += at_once) {
    const auto some = ids.subspan(begin, std::min(at_once, ids.size() - begin));
    std::vector<MessageId> changed;
    const auto frozen_before = frozen(some);
    gateway_.with_policy([&](Policy& policy) {
      for (const MessageId id : some) {
        const Change outcome = policy.cordoner.freeze(id, true);  // holds it still for the moment
        if (outcome == Change::done) changed.push_back(id);
        if (outcome == Change::unknown) result.notes.push_back(text_of(id) + ": not in the queue");
        if (outcome == Change::leaving)
          result.notes.push_back(text_of(id) + ": is being delivered");
      }
    });
    if (changed.empty()) continue;
    store::Batch batch;
    std::string objects;
    for (const MessageId id : changed) {
      batch.push_back(command(id));
      objects += (objects.empty() ? "" : ",") + text_of(id);
    }
    batch.push_back(audit(who, action, objects));
    const auto answer = submit(std::move(batch));
    gateway_.with_policy([&](Policy& policy) {
      for (const MessageId id : changed)
        answer.ok() ? change(policy.cordoner, id)
                    : policy.cordoner.freeze(id, frozen_before.contains(id));
    });
    gateway_.wake();
    if (!answer.ok()) return failed(answer);
    result.changed += changed.size();
  }
  return result;
}

// Those of `ids` that an operator holds back already.
std::set<MessageId> OperatorDesk::frozen(std::span<const MessageId> ids) {
  std::set<MessageId> held;
  const auto reader = gateway_.store().reader();
  for (const auto& view : reader->messages({.ids = {ids.begin(), ids.end()}}))
    if (view.message.frozen) held.insert(view.message.id);
  return held;
}

ActionResult OperatorDesk::hold_messages(std::span<const MessageId> ids, const Caller& who) {
  return change_messages(
      ids, who, "hold", [](Cordoner& cordoner, MessageId id) { return cordoner.freeze(id, true); },
      [](MessageId id) {
        return store::Freeze{id, true};
      });
}

ActionResult OperatorDesk::release_messages(std::span<const MessageId> ids, const Caller& who) {
  const auto now = gateway_.clock().now();
  return change_messages(
      ids, who, "release",
      [now](Cordoner& cordoner, MessageId id) { return cordoner.release(id, now); },
      [now](MessageId id) {
        return store::Release{id, now};
      });
}

ActionResult OperatorDesk::delete_messages(std::span<const MessageId> ids, const Caller& who) {
  std::vector<MessageId> deleted;
  auto result = change_messages(
      ids, who, "delete",
      [&deleted](Cordoner& cordoner, MessageId id) {
        deleted.push_back(id);
        return cordoner.remove(id);
      },
      [](MessageId id) { return store::DeleteMessage{id}; });
  for (const MessageId id : deleted) gateway_.credentials().destroy(id);
  return result;
}

// ---- cordons

ActionResult OperatorDesk::add_cordon(store::OriginId origin, std::string_view reason,
                                      const Caller& who) {
  if (origin == store::the_gateway || origin == store::everything)
    return {.error = "this origin cannot be cordoned"};
  const bool known = gateway_.store().reader()->origin(origin).has_value();
  if (!known) return {.error = "no origin " + text_of(origin)};
  const Recovered recovered = gateway_.with_policy([&](Policy& policy) {
    Recovered done =
        policy.recovery.cordon(origin, std::string(reason), wall_now(), gateway_.clock().now());
    if (!done.repeat) responder_.carry_out(done);
    return done;
  });
  if (recovered.repeat) return {.error = "origin " + text_of(origin) + " is cordoned already"};
  store::Batch batch;
  batch.push_back(audit(who, "cordon add", text_of(recovered.alert.cordon), std::string(reason)));
  const auto answer = submit(std::move(batch));
  if (!answer.ok()) return failed(answer);
  return {.changed = 1, .notes = {text_of(recovered.alert.cordon)}};
}

ActionResult OperatorDesk::lift_cordon(store::CordonId cordon, bool withdraw, const Caller& who) {
  const auto stored = gateway_.store().reader()->cordon(cordon);
  if (!stored) return {.error = "no cordon " + text_of(cordon)};
  if (stored->lifted_at) return {.error = "cordon " + text_of(cordon) + " is lifted already"};
  store::Batch batch;
  batch.push_back(store::LiftCordon{cordon, wall_now(), withdraw});
  batch.push_back(audit(who, withdraw ? "cordon withdraw" : "cordon lift", text_of(cordon)));
  const auto answer = submit(std::move(batch));
  if (!answer.ok()) return failed(answer);
  const bool done =
      gateway_.with_policy([&](Policy& policy) { return policy.recovery.lift(cordon, withdraw); });
  gateway_.wake();
  return {.changed = done ? 1u : 0u};
}

// ---- baits

ActionResult OperatorDesk::add_baits(std::span<const NewBait> proposed, bool force,
                                     const Caller& who) {
  std::vector<baits::Bait> baits;
  for (const NewBait& bait : proposed) baits.push_back({{}, bait.kind, bait.value, bait.label});
  const auto config = gateway_.config();
  const auto matcher = gateway_.matcher();
  baits::Vetting vetting(baits, {.local_domains = config->settings().notices.local_domains,
                                 .existing = matcher.get()});
  gateway_.store().reader()->seen_mailboxes(
      wall_now() - history, [&](const smtp::Mailbox& mailbox) { vetting.saw(mailbox); });
  ActionResult result;
  for (std::size_t i = 0; i < baits.size(); ++i) {
    const auto refusal = vetting.verdicts()[i];
    if (refusal == baits::Refusal::none || (force && baits::can_be_forced(refusal))) continue;
    result.notes.push_back(proposed[i].value + ": " + std::string(baits::describe(refusal)));
  }
  if (!result.notes.empty()) {
    result.error = "refused; nothing was added";
    return result;
  }
  store::Batch batch;
  store::AddBaits add;
  const auto now = wall_now();
  for (baits::Bait& bait : baits) {
    bait.id = gateway_.store().next_bait_id();
    result.notes.push_back(text_of(bait.id));
    add.baits.push_back({.bait = std::move(bait), .added_at = now});
  }
  result.changed = add.baits.size();
  batch.push_back(std::move(add));
  batch.push_back(audit(who, "bait add",
                        result.notes.size() == 1
                            ? result.notes.front()
                            : result.notes.front() + ".." + result.notes.back(),
                        force ? "forced" : ""));
  const auto answer = submit(std::move(batch));
  if (!answer.ok()) return failed(answer);
  gateway_.reload_baits();
  return result;
}

ActionResult OperatorDesk::retire_baits(std::span<const baits::BaitId> ids, std::string_view why,
                                        const Caller& who) {
  store::Batch batch;
  std::string objects;
  for (const auto id : ids) objects += (objects.empty() ? "" : ",") + text_of(id);
  batch.push_back(store::RetireBaits{{ids.begin(), ids.end()}, wall_now(), std::string(why)});
  batch.push_back(audit(who, "bait remove", objects, std::string(why)));
  const auto before = gateway_.matcher()->size();
  const auto answer = submit(std::move(batch));
  if (!answer.ok()) return failed(answer);
  gateway_.reload_baits();
  return {.changed = before - std::min(before, gateway_.matcher()->size())};
}

std::optional<baits::Hit> OperatorDesk::test_bait(std::string_view text) {
  const auto mailbox = smtp::parse_mailbox(text, smtp::Utf8::yes);
  if (!mailbox) return std::nullopt;
  return gateway_.matcher()->match(*mailbox);
}

// ---- warnings

ActionResult OperatorDesk::approve_warnings(std::span<const store::WarningId> ids,
                                            const Caller& who) {
  ActionResult result;
  const std::lock_guard one_at_a_time(approving_);  // two operators, one warning
  const auto config = gateway_.config();
  const auto reader = gateway_.store().reader();
  const auto all = reader->warnings(std::nullopt, UINT32_MAX);
  for (const auto id : ids) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const store::Warning& w) { return w.id == id; });
    if (found == all.end() || found->state != store::WarningState::awaiting_approval) {
      result.notes.push_back(text_of(id) + ": does not await approval");
      continue;
    }
    const auto alert = reader->alert(found->alert);
    PlannedWarning planned{.recipient = found->recipient, .certain = found->certain};
    if (alert)
      planned.records = reader->revocations_to(alert->origin, found->recipient, store::WallTime{});
    store::Batch batch;
    const auto notice = add_notice(batch, gateway_, warning_for(*config, found->alert, planned));
    if (!notice) {
      result.notes.push_back(text_of(id) + ": the recipient is no mailbox");
      continue;
    }
    batch.push_back(store::SetWarning{id, store::WarningState::queued, "approved", *notice});
    batch.push_back(audit(who, "warning approve", text_of(id)));
    const auto answer = submit(std::move(batch));
    if (!answer.ok()) return failed(answer);
    notice_stored(gateway_, *notice);
    ++result.changed;
  }
  return result;
}

}  // namespace cordon::proxy
