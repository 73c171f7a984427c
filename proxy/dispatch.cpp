#include "proxy/dispatch.h"

#include <algorithm>
#include <map>
#include <utility>

#include <boost/asio/post.hpp>

#include "baits/normal_form.h"
#include "proxy/content_source.h"
#include "proxy/log.h"
#include "smtp/xclient.h"

namespace cordon::proxy {

using smtp::Reply;
using store::RecipientState;

namespace {

// Destinations of one message at once: a long list must not take all connections.
constexpr std::size_t most_side_by_side = 8;
// What found its domain busy waits this long.
constexpr std::chrono::seconds crowded_wait{15};

RecipientState state_of(smtp::Outcome outcome) {
  switch (outcome) {
    case smtp::Outcome::delivered:
      return RecipientState::delivered;
    case smtp::Outcome::failed:
      return RecipientState::failed;
    case smtp::Outcome::deferred:
      return RecipientState::pending;
  }
  return RecipientState::pending;
}

}  // namespace

Reply left_alone(const BackOff::Closed& closed) {
  return {451, {4, 4, 1}, "Left alone for a while; last: " + closed.why};
}

// Recipients that one transaction serves.
struct Dispatch::Group {
  std::string key;  // the route's name; with lookup "mx" also the domain
  std::string route;
  std::string domain;              // normal form; of a route with lookup "mx" only
  std::vector<std::size_t> which;  // in the envelope
  std::vector<MailHost> hosts;
  std::size_t next_host = 0;
  bool counted = false;  // in Committer::under_way_

  std::vector<Fate> all(RecipientState state, const Reply& reply) const {
    std::vector<Fate> fates;
    fates.reserve(which.size());
    for (const std::size_t index : which)
      fates.push_back({.index = static_cast<std::uint32_t>(index), .state = state, .reply = reply});
    return fates;
  }
};

Dispatch::Dispatch(Committer& committer, const store::MessageView& view,
                   std::vector<std::size_t> which, std::shared_ptr<const std::string> whole,
                   Login login, Part part, Done done)
    : committer_(committer),
      config_(committer.gateway_.config()),
      view_(view),
      which_(std::move(which)),
      whole_(std::move(whole)),
      login_(std::move(login)),
      part_(std::move(part)),
      done_(std::move(done)) {}
Dispatch::~Dispatch() = default;

void Dispatch::start() {
  group_recipients(*config_);
  open_ = waiting_.size();
  start_some();
}

void Dispatch::group_recipients(const Config& config) {
  std::map<std::string, std::shared_ptr<Group>> groups;
  for (const std::size_t index : which_) {
    const auto& mailbox = view_.message.envelope.recipients[index].mailbox;
    const std::string& route = config.route_of(view_.message.listener, mailbox.domain);
    std::string domain;
    if (config.route(route).lookup == Lookup::mx) {
      // <postmaster> alone is ours (RFC 5321 4.5.1): it goes where our operators are.
      domain = mailbox.domain.empty()
                   ? config.operators_domain()
                   : baits::normal_domain(mailbox.domain).value_or(mailbox.domain);
    }
    std::string key = route;
    if (!domain.empty()) key.append(" ").append(domain);
    auto& group = groups[key];
    if (!group) {
      group = std::make_shared<Group>();
      group->key = key;
      group->route = route;
      group->domain = domain;
      waiting_.push_back(group);
    }
    group->which.push_back(index);
  }
}

void Dispatch::start_some() {
  const std::size_t under_way = open_ - waiting_.size();
  for (std::size_t i = under_way; i < most_side_by_side && !waiting_.empty(); ++i) {
    auto group = std::move(waiting_.front());
    waiting_.pop_front();
    boost::asio::post(committer_.context_, [self = shared_from_this(), group = std::move(group)] {
      self->begin(group);
    });
  }
}

void Dispatch::begin(const std::shared_ptr<Group>& group) {
  const auto now = committer_.gateway_.clock().now();
  if (goes_as_its_user(*group) && !login_) {
    outcome_.tried = outcome_.needs_credentials = true;
    return decide_all(group, {454, {4, 7, 0}, "Its sender must log in again before it can go on"});
  }
  if (const auto closed = committer_.back_off_.closed(group->key, now)) {
    outcome_.tried = true;
    return wait_for(*group, left_alone(*closed), closed->until);
  }
  if (!group->domain.empty()) {
    // One domain must not take all places of its route.
    if (committer_.under_way_[group->key] >= committer_.places_of_a_domain())
      return wait_for(*group, {451, {4, 4, 5}, "Enough is on its way there"}, now + crowded_wait);
    ++committer_.under_way_[group->key];
    group->counted = true;
  }
  outcome_.tried = true;
  if (group->domain.empty()) {
    const std::string& host = config_->route(group->route).host;
    return on_hosts(group, std::vector<MailHost>{{host, host}});
  }
  committer_.mail_hosts_.find(group->domain, config_->route(group->route).port,
                              [self = shared_from_this(), group](MailHostsFound found) {
                                self->on_hosts(group, std::move(found));
                              });
}

// Only by the route that its users log in at; no other is told of the login. As the settings have
// it now: a route that leads elsewhere takes the logins with it, and where users do not log in
// there any more mail goes with the route's own credentials.
bool Dispatch::goes_as_its_user(const Group& group) const {
  const store::Message& message = view_.message;
  return !message.login.empty() && config_->logs_in_upstream(message.listener) &&
         group.route == config_->route_name(message.listener);
}

void Dispatch::on_hosts(const std::shared_ptr<Group>& group, MailHostsFound found) {
  if (const auto* none = std::get_if<Reply>(&found)) {
    return decide_all(group, *none);
  }
  group->hosts = std::get<std::vector<MailHost>>(std::move(found));
  try_host(group);
}

void Dispatch::try_host(const std::shared_ptr<Group>& group) {
  const MailHost& host = group->hosts[group->next_host++];
  auto job = std::make_shared<DeliveryJob>();
  job->envelope = view_.message.envelope;
  job->which = group->which;
  job->octets = view_.message.octets + view_.message.trace.size();
  if (goes_as_its_user(*group)) job->login = login_;
  const auto source = std::make_shared<ContentSource>(committer_.context_, committer_.readers_,
                                                      view_.message, whole_);
  job->next_piece = [source](ContentSource::Give give) { source->next(std::move(give)); };
  job->pass_gate = [self = shared_from_this()] {
    const auto id = self->view_.message.id;
    const bool open = self->committer_.gateway_.with_policy(
        [&](Policy& policy) { return policy.cordoner.pass_gate(id); });
    if (!open) log::info("gate.shut", {{"id", id}});
    return open;
  };
  job->done = [self = shared_from_this(), group](const DeliveryOutcome& outcome) {
    self->on_attempt(group, outcome);
  };
  const auto& times = config_->settings().delivery;
  const auto route = config_->upstream(group->route);
  if (route->settings.tell_client != TellClient::no)
    job->client = smtp::read_client_record(view_.message.client);
  committer_.upstreams_.deliver({group->route, host.address, route->settings.port, host.name},
                                route, {times.command_timeout, times.data_timeout}, std::move(job));
}

void Dispatch::on_attempt(const std::shared_ptr<Group>& group, const DeliveryOutcome& outcome) {
  const bool there = outcome.reached || outcome.refused_alone;
  if (!there && !outcome.stopped) return on_away(group, outcome);
  committer_.back_off_.reached(group->key);
  outcome_.needs_credentials = outcome_.needs_credentials || is_refusal(outcome.login_failure);
  std::vector<Fate> fates = group->all(RecipientState::pending, {});
  for (std::size_t i = 0; i < fates.size(); ++i) {
    Fate& fate = fates[i];
    fate.state = state_of(outcome.results[i].outcome);
    fate.reply = outcome.results[i].reply;
    if (fate.reply.heard)
      fate.heard_from =
          outcome.offer.name.empty() ? group->hosts[group->next_host - 1].name : outcome.offer.name;
    fate.dsn_passed_on = fate.state == RecipientState::delivered && outcome.offer.dsn;
    any_deferred_ = any_deferred_ || fate.state == RecipientState::pending;
  }
  outcome_.in_doubt = outcome_.in_doubt || outcome.in_doubt;
  outcome_.stopped = outcome_.stopped || outcome.stopped;
  end(*group, std::move(fates));
}

// No session came about, perhaps for another message that went before this one.
void Dispatch::on_away(const std::shared_ptr<Group>& group, const DeliveryOutcome& outcome) {
  if (group->next_host < group->hosts.size()) return try_host(group);
  const Reply& why = outcome.results.front().reply;
  const auto now = committer_.gateway_.clock().now();
  // Of what the settings say by now this tells nothing.
  if (committer_.gateway_.config() != config_) return wait_for(*group, why, now);
  RetryPlan plan = config_->retry_plan();
  plan.most = std::min<std::chrono::milliseconds>(plan.most, longest_away);
  const double chance = std::uniform_real_distribution<>(0, 1)(committer_.random_);
  committer_.back_off_.failed(group->key, now, plan, chance, why.one_line());
  const auto closed = committer_.back_off_.closed(group->key, now);
  wait_for(*group, why, closed ? closed->until : now);
}

void Dispatch::wait_for(const Group& group, const Reply& reply, store::Uptime until) {
  away_.push_back({group.key, until});
  end(group, group.all(RecipientState::pending, reply));
}

void Dispatch::decide_all(const std::shared_ptr<Group>& group, const Reply& reply) {
  any_deferred_ = any_deferred_ || reply.transient();
  end(*group,
      group->all(reply.permanent() ? RecipientState::failed : RecipientState::pending, reply));
}

void Dispatch::end(const Group& group, std::vector<Fate> fates) {
  if (group.counted) {
    const auto counted = committer_.under_way_.find(group.key);
    if (--counted->second == 0) committer_.under_way_.erase(counted);
  }
  if (--open_ > 0) {
    part_(std::move(fates));
    return start_some();
  }
  outcome_.fates = std::move(fates);
  if (!away_.empty() && !any_deferred_) {
    for (const Wait& wait : away_)
      outcome_.closed_until = std::min(outcome_.closed_until.value_or(wait.until), wait.until);
    const bool one_route = away_.size() == 1 && away_.front().key.find(' ') == std::string::npos;
    if (one_route) outcome_.waits_for = away_.front().key;
  }
  done_(std::move(outcome_));
}

}  // namespace cordon::proxy
