// Connections to upstream servers, pooled by destination and reused between messages. Carries out
// the actions of the client dialogue over a Transport, under time limits. All on one io_context;
// not thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "proxy/login.h"
#include "proxy/refused_logins.h"
#include "proxy/upstream_route.h"
#include "smtp/client_dialogue.h"

namespace cordon::proxy {

// How an attempt ended.
struct DeliveryOutcome {
  std::vector<smtp::RecipientResult> results;  // one for each recipient that was to be tried
  bool in_doubt = false;                       // the final dot was sent, and no answer to it came
  bool stopped = false;                        // the gate was shut, or the gateway is stopping
  bool reached = false;  // a session came about: whatever failed then, the server is there
  // None came about for this job: its login or its client were refused. The server is there.
  bool refused_alone = false;
  bool tried = true;  // false: it waited for a connection to a server that turned out away
  // MAIL was refused, by the server or for want of an offer: the results say nothing of recipients.
  bool sender_refused = false;
  // The login of the job did not succeed, and why. Code 0: it did, or it did not come to that.
  smtp::Reply login_failure;
  smtp::UpstreamOffer offer;  // what it offered, as far as it came to that
  std::string tls;            // "TLSv1.3 TLS_AES_256_GCM_SHA384"; empty: in plain
};

// One message on its way. The job lives until its `done` was called.
struct DeliveryJob {
  smtp::Envelope envelope;
  std::vector<std::size_t> which;  // recipients to try; never empty
  std::uint64_t octets = 0;        // of the content with its trace field
  // Who the upstream is to take for its client, if the route tells it; none: the gateway itself.
  std::optional<smtp::ClientFacts> client;
  Login login;         // as whom it goes; none: with the credentials of the route, if it has any
  bool probe = false;  // only asks what would become of it: neither content nor gate
  // Asked before it is begun: whether anybody waits for the answer. Empty: somebody does.
  std::function<bool()> wanted;
  // Asks for the next piece of content; answers by `give`, once, on the io_context, and never from
  // within the call. `ok` false: the store failed, and the attempt is abandoned.
  std::function<void(std::function<void(bool ok, std::string_view bytes, bool last)> give)>
      next_piece;
  // The gate, asked right before the final dot.
  std::function<bool()> pass_gate;
  std::function<void(const DeliveryOutcome& outcome)> done;  // once, at the end of the attempt
};

class UpstreamConnection;

class UpstreamPool {
 public:
  UpstreamPool(boost::asio::io_context& context, std::string helo_name);
  ~UpstreamPool();

  struct Times {
    Seconds command{300};
    Seconds data{600};
  };
  // Delivers over an idle connection to the destination, or a new one, or when one comes free. A
  // route that was made anew since is a new one: connections under the old rules are closed. A
  // connection is that of one login, or of none. Of a login one connection finds out whether the
  // server takes it; what it has refused for good is not tried again until try_login() succeeds.
  void deliver(const Destination& destination, std::shared_ptr<const UpstreamRoute> route,
               Times times, std::shared_ptr<DeliveryJob> job);
  // Asks what would become of the message, without sending it. Takes an idle connection, or one of
  // its own beside those that deliver, so that it never waits for a large message.
  struct Probe {
    smtp::Envelope envelope;
    std::vector<std::size_t> which;
    Login login;
    std::optional<smtp::ClientFacts> client;  // as of a DeliveryJob
  };
  using ProbeDone = std::function<void(const DeliveryOutcome& outcome)>;
  void probe(const Destination& destination, std::shared_ptr<const UpstreamRoute> route,
             Times times, Probe probe, ProbeDone done);
  // Tries `login`, over a connection of its own: what others have proved proves nothing of it.
  void try_login(const Destination& destination, std::shared_ptr<const UpstreamRoute> route,
                 Times times, Login login, std::optional<smtp::ClientFacts> client,
                 std::function<bool()> wanted, ProbeDone done);
  // Has a look at the server: `on_offer` tells, if the connection is new.
  void look(const Destination& destination, std::shared_ptr<const UpstreamRoute> route,
            Times times);
  // Called with what a server offers, once a connection: after TLS and AUTH.
  std::function<void(const Destination&, const smtp::UpstreamOffer&)> on_offer;

  void close_idle();
  // Ends every connection; jobs under way are answered as deferred.
  void abort();
  std::size_t destinations() const { return lanes_.size(); }  // those in use, or lately

 private:
  friend class UpstreamConnection;
  // What a connection was opened for, those first for which a client waits. A login that is tried
  // has places of its own: who guesses slowly must hold up nothing else.
  enum class Use : std::uint8_t { login, probe, mail };
  static constexpr std::array uses{Use::login, Use::probe, Use::mail};
  // A job with the rules that were in force for it: others may go by newer or older ones.
  struct Task {
    std::shared_ptr<DeliveryJob> job;
    std::shared_ptr<const UpstreamRoute> route;
    Times times;
    bool fresh = false;     // a connection failed it: it gets a new one
    bool in_plain = false;  // TLS failed it where it is opportunistic: it goes without
    bool trial = false;     // its login is to be tried, whatever is known of it
  };
  using Connections = std::vector<std::shared_ptr<UpstreamConnection>>;
  // All that goes to one destination.
  struct Lane {
    std::array<std::list<Task>, uses.size()> waiting;  // by Use
    std::list<Task>& waiting_for(Use use) { return waiting[static_cast<std::size_t>(use)]; }
    bool unused() const;
    Connections idle;
    Connections all;
    bool reached = false;  // by the last connection that tried
    bool pumping = false;  // a connection that ends within asks for it
    bool again = false;    // once more
  };
  void add(const Destination& destination, Task task);
  void pump(const Destination& destination, Lane& lane);
  static Use use_of(const Task& task);
  bool start(const Destination& destination, Lane& lane, Use use);
  static std::list<Task>::iterator startable(Lane& lane, Use use);
  std::shared_ptr<UpstreamConnection> take_idle(Lane& lane, const Task& task, Use use);
  void open(const Destination& destination, Lane& lane, Use use, Task task);
  void retire_one_idle(Lane& lane, Use use);
  void forget_unused();

  // ---- what a connection tells
  void session_came_about(const UpstreamConnection& connection);
  void became_idle(const std::shared_ptr<UpstreamConnection>& connection);
  void gone(const std::shared_ptr<UpstreamConnection>& connection);
  void login_ended(const UpstreamConnection& connection, const smtp::Reply& failure);
  // Not this connection's fault, or not the message's: it goes first over a new one.
  void try_again(const Destination& destination, Task task);
  // TLS failed where it is opportunistic: spoken to in plain for a while.
  void speak_plain(const Destination& destination);
  void forget_plain(const Destination& destination);
  bool speaks_plain(const Destination& destination);

  using Clock = std::chrono::steady_clock;
  boost::asio::io_context& context_;
  std::string helo_name_;
  std::map<Destination, Lane> lanes_;
  std::map<Destination, Clock::time_point> plain_until_;
  RefusedLogins refused_;
  std::vector<Destination> maybe_unused_;  // looked at when nobody holds a lane
  std::size_t depth_ = 0;                  // of calls that hold one: ends may come within
  bool stopping_ = false;
};

}  // namespace cordon::proxy
