// A store and operators' actions made of plain vectors, for the control service.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

#include "proxy/operator_actions.h"
#include "store/store.h"

namespace cordon::tests {

using namespace std::chrono_literals;

inline constexpr store::WallTime noon{1'763'800'000s};

struct FakeData {
  std::vector<store::MessageView> messages;
  std::vector<store::Origin> origins;
  std::vector<store::Alert> alerts;
  std::vector<store::Cordon> cordons;
  std::vector<store::TranscriptLine> transcript;
  std::vector<store::Warning> warnings;
  std::vector<store::BaitRow> baits;
  std::vector<store::AuditEntry> audit;
  std::vector<store::RevocationRecord> revocations;  // by recipient
  std::string body;
};

class FakeReader : public store::Reader {
 public:
  explicit FakeReader(const FakeData& data) : data_(data) {}

  store::Uptime uptime() override { return {}; }
  store::Epoch epoch() override { return 0; }
  void unsettled(const std::function<void(const store::Unsettled&)>&) override {}
  void origins(const std::function<void(const store::Origin&)>& row) override {
    for (const auto& origin : data_.origins) row(origin);
  }
  void active_baits(const std::function<void(const store::BaitRow&)>&) override {}
  void logins(const std::function<void(const store::LoginRow&)>&) override {}
  std::vector<store::AwaitingLogin> awaiting_login(std::string_view, std::string_view,
                                                   std::uint32_t) override {
    return {};
  }
  std::vector<store::SealedLogin> sealed_logins(std::string_view, std::string_view,
                                                store::MessageId, std::uint32_t) override {
    return {};
  }

  std::optional<store::MessageView> message(store::MessageId id) override {
    for (const auto& view : data_.messages) {
      if (view.message.id == id) return view;
    }
    return std::nullopt;
  }
  std::vector<store::MessageView> messages(const store::MessageFilter& filter) override {
    largest_page = std::max(largest_page, filter.limit);
    std::vector<store::MessageView> out;
    for (const auto& view : data_.messages) {
      if (out.size() < filter.limit && selects(filter, view)) out.push_back(view);
    }
    return out;
  }
  std::size_t body(store::MessageId, std::uint64_t offset, std::span<char> buffer) override {
    const std::size_t size = std::min<std::size_t>(buffer.size(), data_.body.size() - offset);
    std::copy_n(data_.body.begin() + static_cast<std::ptrdiff_t>(offset), size, buffer.begin());
    return size;
  }

  std::optional<store::Origin> origin(store::OriginId id) override {
    for (const auto& origin : data_.origins) {
      if (origin.id == id) return origin;
    }
    return std::nullopt;
  }
  std::optional<store::OriginId> origin_by_identifier(std::string_view value) override {
    for (const auto& origin : data_.origins) {
      for (const auto& identifier : origin.identifiers) {
        if (identifier.value == value) return origin.id;
      }
    }
    return std::nullopt;
  }
  std::optional<store::Alert> alert(store::AlertId id) override {
    for (const auto& alert : data_.alerts) {
      if (alert.id == id) return alert;
    }
    return std::nullopt;
  }
  std::vector<store::Alert> alerts(std::uint32_t limit) override {
    return first(data_.alerts, limit);
  }
  std::optional<store::Cordon> cordon(store::CordonId id) override {
    for (const auto& cordon : data_.cordons) {
      if (cordon.id == id) return cordon;
    }
    return std::nullopt;
  }
  std::vector<store::Cordon> cordons(bool also_lifted, std::uint32_t limit) override {
    std::vector<store::Cordon> out;
    for (const auto& cordon : data_.cordons) {
      if (also_lifted || !cordon.lifted_at) out.push_back(cordon);
    }
    return first(out, limit);
  }
  std::vector<store::TranscriptLine> transcript(store::CordonId, std::uint32_t limit) override {
    return first(data_.transcript, limit);
  }
  std::vector<store::Warning> warnings(std::optional<store::AlertId>,
                                       std::uint32_t limit) override {
    return first(data_.warnings, limit);
  }
  std::vector<store::BaitRow> baits(bool also_retired, baits::BaitId after,
                                    std::uint32_t limit) override {
    std::vector<store::BaitRow> out;
    for (const auto& row : data_.baits) {
      if (row.bait.id > after && (also_retired || !row.retired_at)) out.push_back(row);
    }
    return first(out, limit);
  }
  std::vector<store::AuditEntry> audit(std::uint32_t limit) override {
    return first(data_.audit, limit);
  }
  std::vector<store::RevocationRecord> revocations(store::OriginId origin, store::WallTime,
                                                   std::string_view after, std::uint32_t) override {
    std::vector<store::RevocationRecord> out;
    for (const auto& record : data_.revocations) {
      // Whole recipients, two at a time.
      if (record.origin != origin || record.recipient <= after) continue;
      if (out.size() >= 2 && out.back().recipient != record.recipient) break;
      out.push_back(record);
    }
    return out;
  }
  std::vector<store::RevocationRecord> revocations_to(store::OriginId, std::string_view,
                                                      store::WallTime) override {
    return {};
  }
  std::uint64_t count_committed(store::OriginId, store::WallTime) override { return 0; }
  std::uint32_t warnings_to(std::string_view, store::WallTime) override { return 0; }
  std::uint32_t warnings_sent(store::AlertId) override { return 0; }
  std::vector<store::Alert> untold_alerts() override { return {}; }
  void seen_mailboxes(store::WallTime, const std::function<void(const smtp::Mailbox&)>&) override {}

  std::uint32_t largest_page = 0;

 private:
  template <typename T>
  static std::vector<T> first(const std::vector<T>& all, std::uint32_t limit) {
    return {all.begin(),
            all.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(limit, all.size()))};
  }
  static bool selects(const store::MessageFilter& filter, const store::MessageView& view) {
    using Which = store::MessageFilter::Which;
    const auto& message = view.message;
    if (message.id <= filter.after) return false;
    if (!filter.ids.empty() &&
        std::find(filter.ids.begin(), filter.ids.end(), message.id) == filter.ids.end()) {
      return false;
    }
    if (filter.origin && message.origin != *filter.origin) return false;
    if (filter.accepted_before && message.accepted_at > *filter.accepted_before) return false;
    if (filter.which == Which::queue && view.quarantined) return false;
    return filter.which != Which::quarantine || view.quarantined;
  }

  const FakeData& data_;
};

class FakeStore : public store::Store {
 public:
  explicit FakeStore(const FakeData& data) : data_(data) {}
  void submit(store::Batch, Done) override { throw std::logic_error("only actions change things"); }
  store::MessageId next_message_id() override { return {}; }
  store::OriginId next_origin_id() override { return {}; }
  store::AlertId next_alert_id() override { return {}; }
  store::CordonId next_cordon_id() override { return {}; }
  store::WarningId next_warning_id() override { return {}; }
  store::BaitId next_bait_id() override { return {}; }
  std::unique_ptr<store::Reader> reader() override {
    if (broken) throw std::runtime_error("the database is damaged");
    return std::make_unique<FakeReader>(data_);
  }
  std::string gateway_id() const override { return "fake"; }
  void release_reserve() override {}
  bool keep_reserve() override { return true; }

  bool broken = false;

 private:
  const FakeData& data_;
};

// Notes what it was told, as "release 17 18 by root".
class FakeActions : public proxy::OperatorActions {
 public:
  std::vector<std::string> calls;
  std::string error;  // of every action, if not empty
  std::vector<std::string> notes;
  std::string bait_mailbox = "eve@bait.example";

  proxy::GatewayStatus status() override {
    proxy::GatewayStatus status;
    status.version = "0.1.0";
    status.hostname = "gw.example";
    status.held = 2;
    return status;
  }
  proxy::ActionResult hold_messages(std::span<const store::MessageId> ids,
                                    const proxy::Caller& who) override {
    return note("hold" + text(ids), ids.size(), who);
  }
  proxy::ActionResult release_messages(std::span<const store::MessageId> ids,
                                       const proxy::Caller& who) override {
    return note("release" + text(ids), ids.size(), who);
  }
  proxy::ActionResult delete_messages(std::span<const store::MessageId> ids,
                                      const proxy::Caller& who) override {
    return note("delete" + text(ids), ids.size(), who);
  }
  proxy::ActionResult add_cordon(store::OriginId origin, std::string_view reason,
                                 const proxy::Caller& who) override {
    return note("cordon " + text_of(origin) + " for " + std::string(reason), 1, who);
  }
  proxy::ActionResult lift_cordon(store::CordonId cordon, bool withdraw,
                                  const proxy::Caller& who) override {
    return note((withdraw ? "withdraw " : "lift ") + text_of(cordon), 1, who);
  }
  proxy::ActionResult add_baits(std::span<const proxy::NewBait> baits, bool force,
                                const proxy::Caller& who) override {
    std::string what = force ? "force" : "add";
    for (const auto& bait : baits) {
      what += " " + std::to_string(static_cast<int>(bait.kind)) + ":" + bait.value;
    }
    return note(what, baits.size(), who);
  }
  proxy::ActionResult retire_baits(std::span<const baits::BaitId> ids, std::string_view why,
                                   const proxy::Caller& who) override {
    return note("retire" + text(ids) + " for " + std::string(why), ids.size(), who);
  }
  std::optional<baits::Hit> test_bait(std::string_view mailbox) override {
    if (mailbox != bait_mailbox) return std::nullopt;
    return baits::Hit{baits::BaitId{7}, baits::BaitKind::address};
  }
  proxy::ActionResult approve_warnings(std::span<const store::WarningId> ids,
                                       const proxy::Caller& who) override {
    return note("approve" + text(ids), ids.size(), who);
  }

 private:
  template <typename Id>
  static std::string text_of(Id id) {
    return std::to_string(static_cast<std::int64_t>(id));
  }
  template <typename Id>
  static std::string text(std::span<const Id> ids) {
    std::string out;
    for (const Id id : ids) out += " " + text_of(id);
    return out;
  }
  proxy::ActionResult note(const std::string& call, std::size_t changed, const proxy::Caller& who) {
    calls.push_back(call + " by " + who.user);
    if (!error.empty()) return {error, 0, notes};
    return {"", changed, {}};
  }
};

// Message 1 waits, 2 is deferred, 3 is in quarantine and names a bait; origin 5 is 192.0.2.7.
inline FakeData sample_data() {
  FakeData data;
  store::Origin origin;
  origin.id = store::OriginId{5};
  origin.label = "desk-12";
  origin.identifiers = {{store::IdentifierKind::ipv4, "192.0.2.7", noon, {}}};
  data.origins.push_back(origin);
  for (int i = 1; i <= 3; ++i) {
    store::MessageView view;
    view.message.id = store::MessageId{i};
    view.message.origin = origin.id;
    view.message.accepted_at = noon - std::chrono::hours(3 - i);
    view.message.listener = "submission";
    view.message.session = "s" + std::to_string(i);
    view.message.octets = 12;
    view.message.trace = "Received: x\r\n";
    view.message.envelope.sender = {false, {"ann", "a.example"}};
    view.message.envelope.recipients.push_back({{"bob", "b.example"}, 0, ""});
    view.recipients.push_back({0, store::RecipientState::pending, "", {}});
    view.origin_label = origin.label;
    data.messages.push_back(view);
  }
  data.messages[1].message.attempts = 1;
  data.messages[1].recipients[0].last_reply = "450 4.2.0 later";
  data.messages[2].quarantined = true;
  data.messages[2].message.envelope.recipients.push_back({{"eve", "bait.example"}, 0, ""});
  data.body = "Subject: x\r\n";
  return data;
}

}  // namespace cordon::tests
