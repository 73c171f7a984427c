#include "proxy/recipient_check.h"

#include <utility>

#include <boost/asio/post.hpp>

#include "smtp/text.h"

namespace cordon::proxy {

namespace {

constexpr auto taken_for = std::chrono::minutes(10);
constexpr std::size_t most_known = 50'000;
// A client waits for it: RFC 5321 4.5.3.2.3 gives a RCPT five minutes, people give it less.
constexpr std::chrono::seconds patience{30};

const smtp::Mailbox postmaster{"postmaster", ""};

}  // namespace

RecipientCheck::RecipientCheck(boost::asio::io_context& context, Gateway& gateway,
                               UpstreamPool& upstreams)
    : context_(context), gateway_(gateway), upstreams_(upstreams) {}

void RecipientCheck::ask(Question question, Done done) {
  boost::asio::post(context_, [this, question = std::move(question), done = std::move(done)] {
    probe(question, done);
  });
}

void RecipientCheck::probe(const Question& question, Done done) {
  const auto config = gateway_.config();
  const std::string& name = config->route_of(question.listener, question.recipient.domain);
  const auto route = config->upstream(name);
  if (route->settings.lookup != Lookup::host) return done(std::nullopt);
  if (smtp::same_ignoring_case(question.recipient.local, postmaster.local))
    return done(std::nullopt);

  const auto matcher = gateway_.matcher();
  const bool bait = matcher->match(question.recipient).has_value();
  smtp::Envelope envelope;
  // A sender that is a bait stays here as well.
  if (!question.sender.null && !matcher->match(question.sender.mailbox))
    envelope.sender = question.sender;
  envelope.smtputf8 = question.smtputf8;
  envelope.recipients.push_back({.mailbox = bait ? postmaster : question.recipient});
  const std::string key =
      name + ' ' + envelope.sender.to_string() + ' ' + question.recipient.to_string();
  const auto known = taken_.find(key);
  if (known != taken_.end() && known->second > Clock::now()) return done(std::nullopt);

  const auto& settings = route->settings;
  upstreams_.probe({name, settings.host, settings.port, settings.host}, route, {patience, patience},
                   std::move(envelope), {0},
                   [this, key, bait, done = std::move(done)](const DeliveryOutcome& outcome) {
                     const auto& result = outcome.results.front();
                     if (bait || result.outcome == smtp::Outcome::delivered) remember(key);
                     const bool refused = result.outcome == smtp::Outcome::failed && !bait;
                     done(refused ? std::optional(result.reply) : std::nullopt);
                   });
}

void RecipientCheck::remember(const std::string& key) {
  if (taken_.insert_or_assign(key, Clock::now() + taken_for).second) in_order_.push_back(key);
  while (taken_.size() > most_known) {
    taken_.erase(in_order_.front());
    in_order_.pop_front();
  }
}

}  // namespace cordon::proxy
