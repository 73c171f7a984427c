#include "proxy/upstream_credentials.h"

#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "proxy/host_rates.h"
#include "proxy/listener_terms.h"

namespace cordon::proxy {

namespace {

using Kind = CredentialVerdict::Kind;

CredentialVerdict verdict_of(const DeliveryOutcome& outcome) {
  if (outcome.reached) return {Kind::right, {}};
  smtp::Reply words = outcome.login_failure;
  if (!words.heard || words.code == 421) return {};  // about us, or the way there
  if (words.status.klass == 0) {
    words.status =
        words.permanent() ? smtp::EnhancedStatus{5, 7, 8} : smtp::EnhancedStatus{4, 7, 0};
  }
  return {words.permanent() ? Kind::wrong : Kind::unknown, std::move(words)};
}

}  // namespace

// A question that a client waits for.
struct UpstreamCredentials::Open {
  Open(boost::asio::io_context& context, std::string host_, Done done_)
      : timer(context), host(std::move(host_)), done(std::move(done_)) {}
  boost::asio::steady_timer timer;
  std::string host;
  Done done;  // empty once it was answered
};

void UpstreamCredentials::check(std::shared_ptr<const ListenerTerms> terms,
                                const smtp::ClientFacts& client, smtp::Credentials credentials,
                                Done done) {
  auto login = std::make_shared<const smtp::Credentials>(std::move(credentials));
  boost::asio::post(context_,
                    [this, listener = terms->settings.name, client, login = std::move(login),
                     done = std::move(done)] { ask(listener, client, login, done); });
}

void UpstreamCredentials::ask(const std::string& listener, const smtp::ClientFacts& client,
                              Login login, Done done) {
  const auto config = gateway_.config();
  if (!config->logs_in_upstream(listener)) return done({});  // not since the settings changed
  const std::string host = host_of(client.address);
  if (open_[host] >= most_of_a_host) return done({});
  ++open_[host];
  const auto open = std::make_shared<Open>(context_, host, std::move(done));
  open->timer.expires_after(patience);
  open->timer.async_wait([this, open](const boost::system::error_code& cancelled) {
    if (!cancelled) answer(*open, {});
  });

  const std::string& name = config->route_name(listener);
  const auto route = config->upstream(name);
  const auto matcher = gateway_.matcher();
  const bool bait = bait_in(*matcher, *login).has_value();
  StandIn stand_in;
  if (bait) login = (stand_in = stand_ins_.of(*matcher, *login)).login;
  upstreams_.try_login(
      {name, route->settings.host, route->settings.port, route->settings.host}, route,
      {patience, patience}, login, client, [open] { return open->done != nullptr; },
      [this, open, bait, stand_in, listener, login](const DeliveryOutcome& outcome) {
        CredentialVerdict verdict = verdict_of(outcome);
        if (!bait && verdict.kind == Kind::right) renewal_.logged_in(listener, login);
        if (bait) {
          verdict.words = stand_in.translate(std::move(verdict.words));
          if (verdict.kind == Kind::right) verdict = {Kind::wrong, {}};  // it takes anybody
        }
        answer(*open, verdict);
      });
}

// Whichever comes first counts.
void UpstreamCredentials::answer(Open& open, const CredentialVerdict& verdict) {
  if (!open.done) return;
  open.timer.cancel();
  const auto counted = open_.find(open.host);
  if (--counted->second == 0) open_.erase(counted);
  std::exchange(open.done, nullptr)(verdict);
}

}  // namespace cordon::proxy
