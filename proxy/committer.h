// The committer (BESIDES 4.3, delayed commitment): claims what is due, durably and in batches,
// delivers it to its route's upstream, records what became of it. Never more than max_concurrent
// deliveries of one route at once, so that an upstream that hangs keeps back its own mail only.
// While a route's server is away its mail is not tried, but its delay notices and bounces go out.
// Lives on the back office's io_context; wake() may come from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "cordon/back_off.h"
#include "cordon/pace.h"
#include "proxy/dns.h"
#include "proxy/gateway.h"
#include "proxy/mail_hosts.h"
#include "proxy/reader_pool.h"
#include "proxy/recipient_check.h"
#include "proxy/upstream.h"
#include "proxy/upstream_credentials.h"

namespace cordon::proxy {

class Delivery;
class Dispatch;
class Recording;

class Committer {
 public:
  Committer(boost::asio::io_context& context, Gateway& gateway, ReaderPool& readers);
  ~Committer();

  // Where the gateway answers itself: mail is never sent there by way of mail exchangers.
  void answers_at(OwnEndpoints own) { mail_hosts_.answers_at(std::move(own)); }
  // Asks the servers that mail will be committed to.
  RecipientCheck& recipients() { return recipients_; }
  CredentialCheck& logins() { return logins_; }
  void wake();  // something may be due; any thread, cheap to call often
  // The settings changed: mail that waits for a server that was away is tried at once, since its
  // route may be mended. Any thread.
  void reloaded();
  // Has a look at what the servers of routes offer (proxy/offers.h). Any thread.
  enum class Look : std::uint8_t { at_all, at_unknown };
  void look_at_upstreams(Look which);
  // Takes nothing new; `when_idle` is called when the last delivery has ended.
  void stop(std::function<void()> when_idle);
  void abort();  // what is still under way is given up as deferred

 private:
  friend class Delivery;
  friend class Dispatch;
  friend class Recording;
  void pump();
  void pump(Lane lane);
  void look_at_late(Lane lane, const BackOff::Closed& closed);
  void arm();
  std::uint32_t places(Lane lane) const;
  std::optional<BackOff::Closed> closed(Lane lane);
  std::optional<store::Uptime> next_turn(Lane lane);
  std::uint32_t per_minute(Lane lane);
  std::uint32_t places_of_a_domain() const;
  // `untried`: why they are only looked at.
  using Untried = std::optional<smtp::Reply>;
  void claim(std::vector<store::MessageId> ids, Lane lane, const Untried& untried);
  void on_claimed(const std::vector<store::MessageId>& asked, Lane lane, const Untried& untried,
                  const store::Answer& answer);
  // Submits what is to be recorded of a claimed message. What cannot be recorded leaves the claim
  // standing, and is submitted again until it can: what was delivered must not go out twice because
  // of a full disk. Nor do warnings overtake it, since policy hears of the end only when it is
  // stored. `done` with whether it is; false: it contradicts the store, or that is closed.
  void keep_trying(store::Batch batch, store::MessageId id, std::function<void(bool stored)> done);
  void ended(Lane lane, bool tried);  // one delivery
  bool idle() const;

  boost::asio::io_context& context_;
  Gateway& gateway_;
  ReaderPool& readers_;
  UpstreamPool upstreams_;
  RecipientCheck recipients_;
  UpstreamCredentials logins_;
  Dns dns_;
  MailHosts mail_hosts_;
  BackOff back_off_;  // by destination (dispatch.h)
  std::map<std::string, std::uint32_t>
      under_way_;  // messages, by domain of routes with lookup "mx"
  boost::asio::steady_timer timer_;
  std::atomic<bool> woken_{false};
  struct Traffic {
    std::uint32_t active = 0;   // claimed to be delivered, and not ended
    std::uint32_t looking = 0;  // claimed to be looked at only
    Pace pace;
  };
  std::vector<Traffic> traffic_;  // by lane
  bool stopping_ = false;
  std::function<void()> when_idle_;
  std::minstd_rand random_;
};

}  // namespace cordon::proxy
