#include "proxy/upstream.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

#include "proxy/upstream_connection.h"

namespace cordon::proxy {

namespace {

// How long a server whose TLS failed is spoken to in plain, where that is allowed.
constexpr std::chrono::minutes plain_time{10};
constexpr std::size_t most_remembered = 1000;  // servers of which that is known
// Connections of one destination that only ask about recipients: sessions wait for them, but each
// asks little.
constexpr std::size_t most_probing = 5;

const smtp::Reply stopping{451, {4, 3, 2}, "the gateway is stopping"};

// Those who waited for a connection to a server that is away.
void answer_as_away(const DeliveryJob& job, const smtp::Reply& why) {
  job.done({.results = std::vector<smtp::RecipientResult>(job.which.size(),
                                                          {smtp::Outcome::deferred, why}),
            .tried = false});
}

const smtp::Reply refused_before{535, {5, 7, 8}, "refused before, and not tried again"};

void answer_as_refused(const DeliveryJob& job) {
  const smtp::Reply waits{454, {4, 7, 8}, "The next server has refused these credentials"};
  job.done({.results = std::vector<smtp::RecipientResult>(job.which.size(),
                                                          {smtp::Outcome::deferred, waits}),
            .refused_alone = true,
            .tried = false,
            .login_failure = refused_before});
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
  add(destination, {.job = std::move(job), .route = std::move(route), .times = times});
}

void UpstreamPool::probe(const Destination& destination, std::shared_ptr<const UpstreamRoute> route,
                         Times times, Probe probe, ProbeDone done) {
  auto job = std::make_shared<DeliveryJob>();
  job->envelope = std::move(probe.envelope);
  job->which = std::move(probe.which);
  job->login = std::move(probe.login);
  job->client = std::move(probe.client);
  job->probe = true;
  job->done = std::move(done);
  add(destination, {.job = std::move(job), .route = std::move(route), .times = times});
}

void UpstreamPool::try_login(const Destination& destination,
                             std::shared_ptr<const UpstreamRoute> route, Times times, Login login,
                             std::optional<smtp::ClientFacts> client, std::function<bool()> wanted,
                             ProbeDone done) {
  auto job = std::make_shared<DeliveryJob>();
  job->login = std::move(login);
  job->client = std::move(client);
  job->wanted = std::move(wanted);
  job->probe = true;
  job->done = std::move(done);
  add(destination, {.job = std::move(job),
                    .route = std::move(route),
                    .times = times,
                    .fresh = true,
                    .trial = true});
}

// A probe for nobody: it connects, greets and says no more.
void UpstreamPool::look(const Destination& destination, std::shared_ptr<const UpstreamRoute> route,
                        Times times) {
  probe(destination, std::move(route), times, {}, [](const DeliveryOutcome&) {});
}

void UpstreamPool::add(const Destination& destination, Task task) {
  // Nobody would end a connection that it opened now.
  if (stopping_) return boost::asio::post(context_, [job = task.job] { give_up(*job); });
  Lane& lane = lanes_[destination];
  auto& waiting = lane.waiting_for(use_of(task));
  waiting.push_back(std::move(task));
  pump(destination, lane);
}

void UpstreamPool::try_again(const Destination& destination, Task task) {
  if (!task.job) return;
  if (stopping_) return give_up(*task.job);
  Lane& lane = lanes_.at(destination);
  auto& waiting = lane.waiting_for(use_of(task));
  task.fresh = true;
  waiting.push_front(std::move(task));
  pump(destination, lane);
}

void UpstreamPool::pump(const Destination& destination, Lane& lane) {
  if (std::exchange(lane.pumping, true)) {
    lane.again = true;
    return;
  }
  ++depth_;
  do {
    lane.again = false;
    for (const Use use : uses) {
      while (start(destination, lane, use)) {
      }
    }
  } while (lane.again);
  lane.pumping = false;
  if (--depth_ == 0) forget_unused();
}

UpstreamPool::Use UpstreamPool::use_of(const Task& task) {
  if (task.trial) return Use::login;
  return task.job->probe ? Use::probe : Use::mail;
}

// The first that need not wait for another of the same login to find out about it. What is asked
// goes beside: somebody who guesses must not hold up mail, nor be held up by it.
std::list<UpstreamPool::Task>::iterator UpstreamPool::startable(Lane& lane, Use use) {
  auto& waiting = lane.waiting_for(use);
  if (use != Use::mail) return waiting.begin();
  return std::find_if(waiting.begin(), waiting.end(), [&](const Task& task) {
    const Login& login = task.job->login;
    return !login || std::none_of(lane.all.begin(), lane.all.end(), [&](const auto& known) {
      return known->use() == Use::mail && !known->reached() && same_login(known->login(), login);
    });
  });
}

// False: no connection is to be had now; the next that is idle or gone goes on.
bool UpstreamPool::start(const Destination& destination, Lane& lane, Use use) {
  auto& waiting = lane.waiting_for(use);
  const auto next = startable(lane, use);
  if (next == waiting.end()) return false;
  const Task& first = *next;
  if (first.job->wanted && !first.job->wanted()) {
    waiting.erase(next);
    return true;
  }
  if (first.job->login && !first.trial && refused_.knows(destination, *first.job->login)) {
    const auto job = first.job;
    waiting.erase(next);
    answer_as_refused(*job);
    return true;
  }
  const auto free = first.fresh ? nullptr : take_idle(lane, first, use);
  // One connection finds out whether the server is there.
  const auto usual = use == Use::probe ? most_probing : first.route->settings.max_connections;
  const auto most = lane.reached ? usual : 1;
  const auto now = std::count_if(lane.all.begin(), lane.all.end(),
                                 [&](const auto& known) { return known->use() == use; });
  if (!free && static_cast<std::size_t>(now) >= most) {
    retire_one_idle(lane, use);
    return false;
  }
  auto task = std::move(*next);
  waiting.erase(next);
  if (free) {
    free->take(std::move(task));
  } else {
    open(destination, lane, use, std::move(task));
  }
  return true;
}

// The one used last: the others come of age. Those under other rules lead to the wrong place.
std::shared_ptr<UpstreamConnection> UpstreamPool::take_idle(Lane& lane, const Task& task, Use use) {
  for (const auto& connection : Connections(lane.idle)) {
    if (connection->route() == task.route && connection->idle()) continue;
    std::erase(lane.idle, connection);
    connection->quit();
  }
  const auto found = std::find_if(lane.idle.rbegin(), lane.idle.rend(), [&](const auto& known) {
    return known->fits(*task.job) && (use != Use::mail || known->use() == use);
  });
  if (found == lane.idle.rend()) return nullptr;
  auto connection = *found;
  std::erase(lane.idle, connection);
  return connection;
}

void UpstreamPool::open(const Destination& destination, Lane& lane, Use use, Task task) {
  const bool in_plain = task.in_plain || speaks_plain(destination);
  auto fresh =
      std::make_shared<UpstreamConnection>(*this, context_, destination, task, use, in_plain);
  lane.all.push_back(fresh);
  fresh->open(std::move(task));
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
  if (!std::exchange(lane.reached, true) || connection.login())
    pump(connection.destination(), lane);
}

void UpstreamPool::login_ended(const UpstreamConnection& connection, const smtp::Reply& failure) {
  const Destination& destination = connection.destination();
  if (failure.code == 0) {
    refused_.forget(destination, *connection.login());
  } else if (is_refusal(failure)) {
    refused_.note(destination, *connection.login());
  }
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
  std::list<Task> in_vain;
  if (connection->away().code != 0) {
    lane.reached = false;
    in_vain.swap(lane.waiting_for(connection->use()));
  }
  if (!stopping_) pump(destination, lane);
  for (const Task& one : in_vain) answer_as_away(*one.job, connection->away());
}

bool UpstreamPool::Lane::unused() const {
  return all.empty() &&
         std::all_of(waiting.begin(), waiting.end(), [](const auto& list) { return list.empty(); });
}

// With mail exchangers there is no end of destinations.
void UpstreamPool::forget_unused() {
  for (const Destination& destination : std::exchange(maybe_unused_, {})) {
    const auto lane = lanes_.find(destination);
    if (lane == lanes_.end()) continue;
    if (lane->second.unused()) lanes_.erase(lane);
  }
}

void UpstreamPool::speak_plain(const Destination& destination) {
  const auto now = Clock::now();
  std::erase_if(plain_until_, [&](const auto& known) { return known.second < now; });
  if (plain_until_.size() < most_remembered) plain_until_[destination] = now + plain_time;
}

void UpstreamPool::forget_plain(const Destination& destination) { plain_until_.erase(destination); }

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
  std::list<Task> waiting;
  for (auto& [_, lane] : lanes_) {
    open.insert(open.end(), lane.all.begin(), lane.all.end());
    for (auto& list : lane.waiting) waiting.splice(waiting.end(), list);
  }
  for (const auto& connection : open) connection->fail(stopping);
  for (const Task& one : waiting) give_up(*one.job);
}

}  // namespace cordon::proxy
