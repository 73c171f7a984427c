// Sends one claimed message to where the routes of its recipients lead now: nothing of the
// configuration is baked into queued mail. Recipients with one destination share a transaction;
// different destinations are served side by side. A destination with several hosts has them tried
// in turn (RFC 5321 5.1); one that could not be reached is left alone for a while, for all of its
// mail (cordon/back_off.h). On the back office's io_context; owns itself until `done` was called.
//
// What became of a destination's recipients is told when it ends, by `part` while others are still
// open: whoever is slow there keeps back no record of what has left.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proxy/attempt.h"
#include "proxy/committer.h"
#include "proxy/mail_hosts.h"

namespace cordon::proxy {

// What became of the attempt.
struct Dispatched {
  std::vector<Fate> fates;  // of all recipients that no `part` has told of
  bool in_doubt = false;    // a final dot left, and no answer to it came
  bool stopped = false;     // the gate was shut for some: those stay, deferred
  // All that is still open waits for servers that are away, and which are left alone so long.
  std::optional<store::Uptime> closed_until;
  // The credentials that it came with are gone, or refused for good: it waits for its user to log
  // in again.
  bool needs_credentials = false;
  // False: nothing was tried, only put off, since the servers have enough to do.
  bool tried = false;
  // It waits for the server of this one route, whose lane is closed meanwhile; else empty.
  std::string waits_for;
};

// Of a destination that nobody tries for now.
smtp::Reply left_alone(const BackOff::Closed& closed);

class Dispatch : public std::enable_shared_from_this<Dispatch> {
 public:
  using Part = std::function<void(std::vector<Fate>)>;
  using Done = std::function<void(Dispatched)>;
  // `which`: recipients of `view`, never empty. `whole`: the content if it is at hand, else null.
  // `login`: what the view's credentials opened to, for the route that took it; null: nothing did.
  Dispatch(Committer& committer, const store::MessageView& view, std::vector<std::size_t> which,
           std::shared_ptr<const std::string> whole, Login login, Part part, Done done);
  ~Dispatch();
  // Neither `part` nor `done` is ever called from within.
  void start();

 private:
  struct Group;

  void group_recipients(const Config& config);
  void start_some();
  void begin(const std::shared_ptr<Group>& group);
  void on_hosts(const std::shared_ptr<Group>& group, MailHostsFound found);
  void try_host(const std::shared_ptr<Group>& group);
  void on_attempt(const std::shared_ptr<Group>& group, const DeliveryOutcome& outcome);
  void on_away(const std::shared_ptr<Group>& group, const DeliveryOutcome& outcome);
  void wait_for(const Group& group, const smtp::Reply& reply, store::Uptime until);
  bool goes_as_its_user(const Group& group) const;
  void decide_all(const std::shared_ptr<Group>& group, const smtp::Reply& reply);
  void end(const Group& group, std::vector<Fate> fates);

  Committer& committer_;
  std::shared_ptr<const Config> config_;
  const store::MessageView& view_;
  const std::vector<std::size_t> which_;
  const std::shared_ptr<const std::string> whole_;
  const Login login_;
  Part part_;
  Done done_;
  Dispatched outcome_;
  std::deque<std::shared_ptr<Group>> waiting_;
  std::size_t open_ = 0;
  struct Wait {
    std::string key;  // of the group
    store::Uptime until;
  };
  std::vector<Wait> away_;     // groups whose server is away, or has enough to do
  bool any_deferred_ = false;  // by other groups
};

}  // namespace cordon::proxy
