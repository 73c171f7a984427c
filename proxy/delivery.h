// One attempt to deliver one claimed message: reads it, has it sent (proxy/dispatch.h), decides
// what becomes of the rest, and has all put on record (proxy/recording.h). Owns itself until it
// calls its committer's ended().
//
// Who has got it is recorded as soon as that is known, so that no crash makes the fast wait for the
// slow, or get it twice. Refusals and deferrals wait for the end, to be told in one report: to try
// those again harms nobody.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/attempt.h"
#include "proxy/committer.h"
#include "proxy/dispatch.h"
#include "proxy/recording.h"

namespace cordon::proxy {

class Delivery : public std::enable_shared_from_this<Delivery> {
 public:
  // `untried`: it is only looked at, since its server is away, and these are the words about that;
  // but where some of it goes by other routes, those are tried.
  Delivery(Committer& committer, store::MessageId id, Lane lane, std::optional<smtp::Reply> untried)
      : committer_(committer), id_(id), lane_(lane), untried_(std::move(untried)) {}
  void start();

 private:
  void on_read(std::optional<store::MessageView> view, std::string content);
  void send();
  void look();
  Dispatched all_with(const smtp::Reply& reply) const;  // left pending
  void on_part(std::vector<Fate> fates);
  void on_sent(Dispatched sent);

  void gather(std::vector<Fate> fates);
  void record_delivered();
  void count_delivered();
  void record(Recording::Entry entry, std::function<void()> done);
  void conclude(const Dispatched& sent);
  std::optional<store::Uptime> next_try(store::Uptime now, const Dispatched& sent);
  store::Uptime end_of_life() const;
  store::Uptime look_by(store::Uptime now) const;  // though its server is away
  bool may_leave();
  std::vector<std::size_t> rest() const;
  std::string route_of(std::size_t index) const;
  std::string route_of_rest() const;
  bool goes_one_way() const;
  bool in_wrong_lane() const;
  void give_up();
  bool is_late(store::Uptime now);
  void mark_late(store::Uptime now, store::Uptime due);

  void forget_credentials();
  // As if it had not been claimed.
  void give_back(store::Uptime due, const Cordoner::Stay& stay);
  // `due`: of what is still pending; nullopt: settled.
  void end(std::optional<store::Uptime> due, const Cordoner::Stay& stay);

  Committer& committer_;
  store::MessageId id_;
  Lane lane_;
  const std::optional<smtp::Reply> untried_;
  store::MessageView view_;
  std::vector<std::size_t> which_;
  std::shared_ptr<const std::string> whole_;  // the content, if it is short
  Attempt attempt_;                           // of those whose fate is not recorded yet
  bool any_delivered_ = false;
  bool recording_ = false;          // some of them
  std::optional<Dispatched> sent_;  // all have ended, and that waits for the recording of some
};

}  // namespace cordon::proxy
