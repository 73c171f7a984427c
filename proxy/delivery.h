// One attempt to deliver one claimed message: reads it, has it sent (proxy/dispatch.h), records
// each recipient's fate, and in the same batch queues the report to who is to be told. Owns itself
// until it calls its committer's ended().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "proxy/attempt.h"
#include "proxy/committer.h"
#include "proxy/dispatch.h"

namespace cordon::proxy {

class Delivery : public std::enable_shared_from_this<Delivery> {
 public:
  Delivery(Committer& committer, store::MessageId id, Lane lane)
      : committer_(committer), id_(id), lane_(lane) {}
  void start();

 private:
  void on_read(std::optional<store::MessageView> view, std::string content);
  void send();
  void on_sent(const Dispatched& sent);
  std::optional<store::Uptime> next_try(store::Uptime now, const Dispatched& sent);
  store::Uptime end_of_life() const;
  bool may_leave();
  std::string route_of_rest() const;
  bool in_wrong_lane() const;
  void give_up();
  void mark_late(store::Uptime now, store::Uptime due);

  // `due`: of what is still pending; nullopt: nothing is.
  void conclude(std::optional<store::Uptime> due, bool in_doubt);
  void read_original(std::uint64_t octets, const std::function<void()>& then);
  void record(std::optional<store::Uptime> due, bool in_doubt);
  store::RecordAttempt to_be_recorded(store::Uptime due) const;
  void log_fates() const;
  void report(store::Batch& batch);
  void submit(store::Batch batch, std::optional<store::Uptime> due);  // nullopt: settled
  void on_recorded(const std::shared_ptr<store::Batch>& batch, std::optional<store::Uptime> due,
                   const store::Answer& answer);

  Committer& committer_;
  store::MessageId id_;
  Lane lane_;
  store::MessageView view_;
  std::vector<std::size_t> which_;
  std::shared_ptr<const std::string> whole_;  // the content, if it is short
  Attempt attempt_;
  bool report_due_ = false;  // somebody is to be told
  std::string original_;     // the front of the content, for that
  std::optional<store::MessageId> notice_;
};

}  // namespace cordon::proxy
