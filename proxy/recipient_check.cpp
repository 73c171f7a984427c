#include "proxy/recipient_check.h"

#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "proxy/host_rates.h"
#include "smtp/text.h"

namespace cordon::proxy {

namespace {

constexpr auto taken_for = std::chrono::minutes(10);
constexpr std::size_t most_known = 50'000;
const smtp::Mailbox postmaster{"postmaster", ""};

// A refusal of the question about postmaster, as it would have been about `asked`.
smtp::Reply as_if_about(const smtp::Mailbox& asked, smtp::Reply refusal) {
  const std::string& stand_in = postmaster.local;
  for (std::size_t at = 0; (at = refusal.text.find(stand_in, at)) != std::string::npos;) {
    const std::string name = asked.to_string();
    refusal.text.replace(at, stand_in.size(), name);
    at += name.size();
  }
  return refusal;
}

}  // namespace

// A question that a client waits for.
struct RecipientCheck::Open {
  Open(boost::asio::io_context& context, std::string host_, Done done_)
      : timer(context), host(std::move(host_)), done(std::move(done_)) {}
  boost::asio::steady_timer timer;
  std::string host;
  Done done;  // empty once it was answered
};

RecipientCheck::RecipientCheck(boost::asio::io_context& context, Gateway& gateway,
                               UpstreamPool& upstreams, std::chrono::milliseconds longest)
    : context_(context), gateway_(gateway), upstreams_(upstreams), longest_(longest) {}

void RecipientCheck::ask(Question question, Done done) {
  boost::asio::post(context_, [this, question = std::move(question), done = std::move(done)] {
    probe(question, done);
  });
}

void RecipientCheck::probe(const Question& question, Done done) {
  const auto config = gateway_.config();
  const std::string& name = config->route_of(question.listener, question.recipient.domain);
  const auto route = config->upstream(name);
  const bool is_postmaster = smtp::same_ignoring_case(question.recipient.local, postmaster.local);
  if (route->settings.lookup != Lookup::host || is_postmaster) return done(std::nullopt);

  const auto matcher = gateway_.matcher();
  const bool bait = matcher->match(question.recipient).has_value();
  smtp::Envelope envelope;
  // A sender that is a bait stays here as well.
  if (!question.sender.null && !matcher->match(question.sender.mailbox))
    envelope.sender = question.sender;
  envelope.smtputf8 = question.smtputf8;
  envelope.recipients.push_back({.mailbox = bait ? postmaster : question.recipient});
  // The login is for the server that verified it, and for no other.
  const bool own = name == config->route_name(question.listener);
  const Login login = own ? question.login : nullptr;
  std::optional<smtp::ClientFacts> client;
  if (route->settings.tell_client != TellClient::no) client = question.client;
  const std::string key = name + ' ' + (login ? login_name(*login) : "") + ' ' +
                          (client ? client->address : "") + ' ' + envelope.sender.to_string() +
                          ' ' + question.recipient.to_string();
  // Who that is only the server can tell.
  const bool nameless = login && login_name(*login).empty();
  const auto known = nameless ? taken_.end() : taken_.find(key);
  if (known != taken_.end() && known->second > Clock::now()) return done(std::nullopt);
  const std::string host = host_of(question.client.address);
  if (open_[host] >= most_open_a_host) return done(std::nullopt);

  ++open_[host];
  const auto open = std::make_shared<Open>(context_, host, std::move(done));
  open->timer.expires_after(longest_);
  open->timer.async_wait([this, open](const boost::system::error_code& cancelled) {
    if (!cancelled) answer(*open, std::nullopt);
  });
  const auto& settings = route->settings;
  upstreams_.probe(
      {name, settings.host, settings.port, settings.host}, route, {patience, patience},
      {.envelope = std::move(envelope), .which = {0}, .login = login, .client = client},
      [this, open, key, nameless, bait, asked = question.recipient](const DeliveryOutcome& found) {
        auto result = found.results.front();
        if (result.outcome == smtp::Outcome::delivered && !nameless) remember(key);
        if (result.outcome != smtp::Outcome::failed) return answer(*open, std::nullopt);
        if (bait) result.reply = as_if_about(asked, std::move(result.reply));
        answer(*open, std::move(result.reply));
      });
}

// Whichever comes first counts.
void RecipientCheck::answer(Open& open, std::optional<smtp::Reply> refusal) {
  if (!open.done) return;
  open.timer.cancel();
  const auto counted = open_.find(open.host);
  if (--counted->second == 0) open_.erase(counted);
  std::exchange(open.done, nullptr)(std::move(refusal));
}

void RecipientCheck::remember(const std::string& key) {
  if (taken_.insert_or_assign(key, Clock::now() + taken_for).second) in_order_.push_back(key);
  while (taken_.size() > most_known) {
    taken_.erase(in_order_.front());
    in_order_.pop_front();
  }
}

}  // namespace cordon::proxy
