#include "proxy/upstream_credentials.h"

#include <array>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <openssl/rand.h>

#include "proxy/host_rates.h"
#include "proxy/listener_terms.h"

namespace cordon::proxy {

namespace {

using Kind = CredentialVerdict::Kind;

std::optional<baits::Hit> match(const baits::Matcher& matcher, const std::string& name) {
  const auto mailbox = smtp::parse_mailbox(name, smtp::Utf8::yes);
  return mailbox ? matcher.match(*mailbox) : std::nullopt;
}

std::string random_name() {
  std::array<unsigned char, 12> octets{};
  if (RAND_bytes(octets.data(), octets.size()) != 1) return {};
  std::string name;
  for (const unsigned char octet : octets) name += static_cast<char>('a' + octet % 26);
  return name;
}

// Nobody: neither at the server nor anywhere.
Login stand_in(const smtp::Credentials& given) {
  auto nobody = std::make_shared<smtp::Credentials>();
  nobody->mechanism = given.mechanism;
  nobody->user = random_name() + "@" + random_name() + ".invalid";
  nobody->secret = random_name();
  return nobody;
}

smtp::Reply as_if_about(const std::string& asked, const std::string& stand_in, smtp::Reply reply) {
  for (std::size_t at = 0; (at = reply.text.find(stand_in, at)) != std::string::npos;) {
    reply.text.replace(at, stand_in.size(), asked);
    at += asked.size();
  }
  return reply;
}

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

std::optional<baits::Hit> bait_in(const baits::Matcher& matcher,
                                  const smtp::Credentials& credentials) {
  const auto hit = match(matcher, credentials.user);
  return hit ? hit : match(matcher, credentials.authorize_as);
}

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
  const bool bait = bait_in(*gateway_.matcher(), *login).has_value();
  const std::string asked = login->user;
  if (bait) login = stand_in(*login);
  upstreams_.try_login({name, route->settings.host, route->settings.port, route->settings.host},
                       route, {patience, patience}, login, client,
                       [open] { return open->done != nullptr; },
                       [this, open, bait, asked, listener, login](const DeliveryOutcome& outcome) {
                         CredentialVerdict verdict = verdict_of(outcome);
                         if (!bait && verdict.kind == Kind::right)
                           renewal_.logged_in(listener, login);
                         if (bait) {
                           verdict.words =
                               as_if_about(asked, login->user, std::move(verdict.words));
                           if (verdict.kind == Kind::right)
                             verdict = {Kind::wrong, {}};  // it takes anybody
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
