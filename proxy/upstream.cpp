#include "proxy/upstream.h"

#include <algorithm>
#include <utility>

#include "proxy/upstream_connection.h"

namespace cordon::proxy {

namespace {

// How long a server whose TLS failed is spoken to in plain, where that is allowed.
constexpr std::chrono::minutes plain_time{10};
constexpr std::size_t most_remembered = 1000;  // servers of which that is known
// Connections of one destination that only ask: sessions wait for them, but each asks little.
constexpr std::size_t most_probing = 5;

const smtp::Reply stopping{451, {4, 3, 2}, "the gateway is stopping"};

// Those who waited for a connection to a server that is away.
void answer_as_away(const DeliveryJob& job, const smtp::Reply& why) {
  job.done({.results = std::vector<smtp::RecipientResult>(job.which.size(),
                                                          {smtp::Outcome::deferred, why}),
            .tried = false});
}

void give_up(const DeliveryJob& job) {
  job.done({.results = std::vector<smtp::RecipientResult>(job.which.size(),
                                                          {smtp::Outcome::deferred, stopping}),
            .stopped = true});
}

}  // namespace

UpstreamPool::UpstreamPool(boost::asio::io_context& context, std::string helo_name)
    : context_(context), helo_name_(std::move(helo_name)) {}

UpstreamPool::~UpstreamPool() = default;

void UpstreamPool::deliver(const Destination& destination,
                           std::shared_ptr<const UpstreamRoute> route, Times times,
                           std::shared_ptr<DeliveryJob> job) {
  add(destination, std::move(route), times, {std::move(job)});
}

void UpstreamPool::probe(const Destination& destination, std::shared_ptr<const UpstreamRoute> route,
                         Times times, smtp::Envelope envelope, std::vector<std::size_t> which,
                         ProbeDone done) {
  auto job = std::make_shared<DeliveryJob>();
  job->envelope = std::move(envelope);
  job->which = std::move(which);
  job->probe = true;
  job->done = std::move(done);
  add(destination, std::move(route), times, {std::move(job)});
}

void UpstreamPool::add(const Destination& destination, std::shared_ptr<const UpstreamRoute> route,
                       Times times, Waiting waiting) {
  Lane& lane = lanes_[destination];
  lane.route = std::move(route);
  lane.times = times;
  auto& list = waiting.job->probe ? lane.probes : lane.mail;
  list.push_back(std::move(waiting));
  pump(destination, lane);
}

void UpstreamPool::try_again(const Destination& destination, std::shared_ptr<DeliveryJob> job) {
  if (!job) return;
  if (stopping_) return give_up(*job);
  Lane& lane = lanes_.at(destination);
  auto& list = job->probe ? lane.probes : lane.mail;
  list.push_front({std::move(job), true});
  pump(destination, lane);
}

void UpstreamPool::pump(const Destination& destination, Lane& lane) {
  ++depth_;
  while (!lane.probes.empty() && start(destination, lane, lane.probes, Use::probe)) {
  }
  while (!lane.mail.empty() && start(destination, lane, lane.mail, Use::mail)) {
  }
  if (--depth_ == 0) forget_unused();
}

// False: no connection is to be had now; the next that is idle or gone goes on.
bool UpstreamPool::start(const Destination& destination, Lane& lane, std::list<Waiting>& waiting,
                         Use use) {
  const auto free = waiting.front().fresh ? nullptr : take_idle(lane, *waiting.front().job, use);
  // One connection finds out whether the server is there.
  const auto usual = use == Use::probe ? most_probing : lane.route->settings.max_connections;
  const auto most = lane.reached ? usual : 1;
  const auto now = std::count_if(lane.all.begin(), lane.all.end(),
                                 [&](const auto& known) { return known->use() == use; });
  if (!free && static_cast<std::size_t>(now) >= most) {
    retire_one_idle(lane, use);
    return false;
  }
  auto job = std::move(waiting.front().job);
  waiting.pop_front();
  if (free) {
    free->take(std::move(job));
  } else {
    open(destination, lane, use, std::move(job));
  }
  return true;
}

// The one used last: the others come of age. Those under old rules lead to the wrong place.
std::shared_ptr<UpstreamConnection> UpstreamPool::take_idle(Lane& lane, const DeliveryJob& job,
                                                            Use use) {
  for (const auto& connection : Connections(lane.idle)) {
    if (connection->route() == lane.route && connection->idle()) continue;
    std::erase(lane.idle, connection);
    connection->quit();
  }
  const auto found = std::find_if(lane.idle.rbegin(), lane.idle.rend(), [&](const auto& known) {
    return known->fits(job) && (use == Use::probe || known->use() == use);
  });
  if (found == lane.idle.rend()) return nullptr;
  auto connection = *found;
  std::erase(lane.idle, connection);
  return connection;
}

void UpstreamPool::open(const Destination& destination, Lane& lane, Use use,
                        std::shared_ptr<DeliveryJob> job) {
  auto fresh = std::make_shared<UpstreamConnection>(*this, context_, destination, lane.route,
                                                    lane.times, use, speaks_plain(destination));
  lane.all.push_back(fresh);
  fresh->open(std::move(job));
}

// Every place is taken, by idle connections that are another client's or too old for a job that
// waits: one makes room.
void UpstreamPool::retire_one_idle(Lane& lane, Use use) {
  const auto found = std::find_if(lane.idle.begin(), lane.idle.end(),
                                  [&](const auto& known) { return known->use() == use; });
  if (found == lane.idle.end()) return;
  const auto connection = *found;
  lane.idle.erase(found);
  connection->quit();
}

// ---- what connections tell

void UpstreamPool::session_came_about(const UpstreamConnection& connection) {
  Lane& lane = lanes_.at(connection.destination());
  if (!std::exchange(lane.reached, true)) pump(connection.destination(), lane);
}

void UpstreamPool::became_idle(const std::shared_ptr<UpstreamConnection>& connection) {
  Lane& lane = lanes_.at(connection->destination());
  lane.idle.push_back(connection);
  pump(connection->destination(), lane);
}

void UpstreamPool::gone(const std::shared_ptr<UpstreamConnection>& connection) {
  const Destination& destination = connection->destination();
  Lane& lane = lanes_.at(destination);
  std::erase(lane.idle, connection);
  std::erase(lane.all, connection);
  maybe_unused_.push_back(destination);
  std::list<Waiting> in_vain;
  if (connection->away().code != 0) {
    lane.reached = false;
    in_vain.swap(connection->use() == Use::probe ? lane.probes : lane.mail);
  }
  if (!stopping_) pump(destination, lane);
  for (const Waiting& one : in_vain) answer_as_away(*one.job, connection->away());
}

// With mail exchangers there is no end of destinations.
void UpstreamPool::forget_unused() {
  for (const Destination& destination : std::exchange(maybe_unused_, {})) {
    const auto lane = lanes_.find(destination);
    if (lane == lanes_.end()) continue;
    const Lane& found = lane->second;
    if (found.all.empty() && found.mail.empty() && found.probes.empty()) lanes_.erase(lane);
  }
}

void UpstreamPool::speak_plain(const Destination& destination) {
  const auto now = Clock::now();
  std::erase_if(plain_until_, [&](const auto& known) { return known.second < now; });
  if (plain_until_.size() < most_remembered) plain_until_[destination] = now + plain_time;
}

bool UpstreamPool::speaks_plain(const Destination& destination) {
  const auto found = plain_until_.find(destination);
  return found != plain_until_.end() && Clock::now() < found->second;
}

// ---- the end

void UpstreamPool::close_idle() {
  ++depth_;
  for (auto& [_, lane] : lanes_)
    for (const auto& connection : std::exchange(lane.idle, {})) connection->quit();
  if (--depth_ == 0) forget_unused();
}

void UpstreamPool::abort() {
  stopping_ = true;
  Connections open;
  std::list<Waiting> waiting;
  for (auto& [_, lane] : lanes_) {
    open.insert(open.end(), lane.all.begin(), lane.all.end());
    waiting.splice(waiting.end(), lane.mail);
    waiting.splice(waiting.end(), lane.probes);
  }
  for (const auto& connection : open) connection->fail(stopping);
  for (const Waiting& one : waiting) give_up(*one.job);
}

}  // namespace cordon::proxy
