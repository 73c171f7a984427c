#include "proxy/upstream.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "proxy/log.h"

namespace cordon::proxy {

using boost::asio::ip::tcp;
using boost::system::error_code;
using smtp::ClientAction;

class UpstreamConnection : public std::enable_shared_from_this<UpstreamConnection> {
 public:
  UpstreamConnection(UpstreamPool& pool, std::string route, boost::asio::io_context& context,
                     const std::string& helo_name, RouteSettings settings,
                     UpstreamPool::Times times)
      : pool_(pool),
        route_(std::move(route)),
        settings_(std::move(settings)),
        times_(times),
        socket_(context),
        resolver_(context),
        timer_(context),
        dialogue_({.helo_name = helo_name}) {}

  const std::string& route() const { return route_; }
  bool usable_for(const RouteSettings& wanted) const { return !closed_ && settings_ == wanted; }

  void open(std::shared_ptr<DeliveryJob> job) {
    job_ = std::move(job);
    limit(settings_.connect_timeout, "connect");
    resolver_.async_resolve(
        settings_.host, std::to_string(settings_.port),
        [self = shared_from_this()](const error_code& error,
                                    const tcp::resolver::results_type& found) {
          if (self->closed_) return;
          if (error)
            return self->fail("cannot resolve " + self->settings_.host + ": " + error.message());
          boost::asio::async_connect(self->socket_, found,
                                     [self](const error_code& e, const tcp::endpoint&) {
                                       if (self->closed_) return;
                                       if (e) return self->fail("cannot connect: " + e.message());
                                       self->on_connected();
                                     });
        });
  }

  // An idle connection takes the next message.
  void take(std::shared_ptr<DeliveryJob> job) {
    job_ = std::move(job);
    begin_message();
    drive();
  }

  void keep_idle() { limit(settings_.idle_timeout, "idle"); }

  void quit() {
    if (closed_) return;
    if (ready_) {
      ready_ = false;
      dialogue_.quit();
      limit(Seconds(5), "quit");
      drive();
    } else {
      fail("the gateway is stopping");
    }
  }

  void fail(const std::string& why) {
    if (closed_) return;
    why_ = why;
    dialogue_.fail({451, {4, 4, 2}, why});
    if (driving_) return;  // the loop that is running carries it out
    drive();
    if (!closed_) shut();
  }

 private:
  void on_connected() {
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    dialogue_.connected();
    drive();
  }

  void begin_message() {
    ready_ = false;
    ++messages_;
    stopped_ = false;
    waiting_for_final_ = false;
    dialogue_.deliver(job_->envelope, job_->which, job_->octets);
  }

  void drive() {
    if (driving_) return;
    driving_ = true;
    while (!closed_ && step(dialogue_.next())) {
    }
    driving_ = false;
  }

  // False: an event will go on with drive().
  bool step(const smtp::ClientDialogue::Step& step) {
    switch (step.action) {
      case ClientAction::write:
        out_.append(step.bytes);
        return true;
      case ClientAction::need_input:
        write_then([this] { read(); });
        return false;
      case ClientAction::ready:
        return on_ready();
      case ClientAction::need_body:
        write_then([this] { ask_piece(); });
        return false;
      case ClientAction::gate:
        return on_gate();
      case ClientAction::delivered:
        finish();
        return true;
      case ClientAction::close:
        write_then([this] { shut(); });
        return false;
    }
    return false;
  }

  bool on_ready() {
    if (job_) {
      begin_message();
      return true;
    }
    if (messages_ >= settings_.max_messages_per_connection) {
      dialogue_.quit();
      return true;
    }
    ready_ = true;
    keep_idle();
    pool_.became_idle(shared_from_this());
    if (ready_) watch();
    return !ready_;  // a waiting message may have taken the connection at once
  }

  // The content is on its way, all but the dot. Waiting for those bytes to be written first means
  // that the gate is asked as late as it can be.
  bool on_gate() {
    if (!out_.empty()) {
      write_then([this] { drive(); });
      return false;
    }
    if (job_->pass_gate()) {
      dialogue_.pass();
      waiting_for_final_ = true;
    } else {
      stopped_ = true;
      dialogue_.stop();
    }
    return true;
  }

  void ask_piece() {
    limit(times_.command, "content");
    job_->next_piece(
        [self = shared_from_this(), job = job_](bool ok, std::string_view bytes, bool last) {
          if (self->closed_ || self->job_ != job) return;
          if (!ok) return self->fail("the store could not be read");
          self->dialogue_.body(bytes, last);
          self->drive();
        });
  }

  void finish() {
    const auto job = std::exchange(job_, nullptr);
    // Only what breaks the dialogue off leaves the dot without an answer; it then closes with a
    // 451.
    const bool in_doubt = dialogue_.dot_sent() && dialogue_.last_words().code == 451;
    if (job) job->done(dialogue_.results(), in_doubt, stopped_);
  }

  void write_then(std::function<void()> next) {
    if (out_.empty()) return next();
    sending_.swap(out_);
    out_.clear();
    boost::asio::async_write(
        socket_, boost::asio::buffer(sending_),
        [self = shared_from_this(), next = std::move(next)](const error_code& error, std::size_t) {
          if (self->closed_) return;
          self->sending_.clear();
          if (error) return self->fail("connection lost: " + error.message());
          next();
        });
  }

  void read() {
    if (!ready_ && job_) limit(waiting_for_final_ ? times_.data : times_.command, "reply");
    socket_.async_read_some(boost::asio::buffer(in_),
                            [self = shared_from_this()](const error_code& error, std::size_t got) {
                              self->on_read(error, got);
                            });
  }

  void on_read(const error_code& error, std::size_t got) {
    if (closed_) return;
    if (error) return fail("connection lost: " + error.message());
    dialogue_.input({in_.data(), got});
    drive();
  }

  // An idle connection that the server closes, or talks on, is of no more use.
  void watch() {
    socket_.async_wait(tcp::socket::wait_read,
                       [self = shared_from_this()](const error_code& error) {
                         if (error || self->closed_ || !self->ready_) return;
                         self->shut();
                       });
  }

  void limit(std::chrono::milliseconds time, const char* doing) {
    timer_.expires_after(time);
    timer_.async_wait([self = shared_from_this(), doing](const error_code& cancelled) {
      if (cancelled || self->closed_) return;
      if (self->ready_) return self->quit();
      self->fail(std::string("time-out: ") + doing);
    });
  }

  void shut() {
    if (closed_) return;
    closed_ = true;
    ready_ = false;
    timer_.cancel();
    resolver_.cancel();
    error_code ignored;
    socket_.close(ignored);
    if (const auto job = std::exchange(job_, nullptr)) {
      // The dialogue ended before it could say what became of the message.
      std::vector<smtp::RecipientResult> results(
          job->which.size(),
          {smtp::Outcome::deferred, {451, {4, 4, 2}, why_.empty() ? "connection lost" : why_}});
      job->done(std::move(results), false, stopped_);
    }
    pool_.gone(shared_from_this());
  }

  UpstreamPool& pool_;
  std::string route_;
  RouteSettings settings_;
  UpstreamPool::Times times_;
  tcp::socket socket_;
  tcp::resolver resolver_;
  boost::asio::steady_timer timer_;
  smtp::ClientDialogue dialogue_;
  std::shared_ptr<DeliveryJob> job_;
  std::string out_;
  std::string sending_;
  std::array<char, 8192> in_{};
  std::string why_;
  std::uint32_t messages_ = 0;
  bool ready_ = false;
  bool stopped_ = false;
  bool driving_ = false;
  bool waiting_for_final_ = false;
  bool closed_ = false;
};

// ---- the pool

UpstreamPool::UpstreamPool(boost::asio::io_context& context, std::string helo_name)
    : context_(context), helo_name_(std::move(helo_name)) {}

UpstreamPool::~UpstreamPool() = default;

void UpstreamPool::deliver(const std::string& route_name, const RouteSettings& settings,
                           Times times, std::shared_ptr<DeliveryJob> job) {
  Route& route = routes_[route_name];
  route.settings = settings;
  route.times = times;
  route.waiting.push_back(std::move(job));
  pump(route);
}

void UpstreamPool::pump(Route& route) {
  while (!route.waiting.empty()) {
    std::shared_ptr<UpstreamConnection> free;
    while (!route.idle.empty() && !free) {
      free = route.idle.back();
      route.idle.pop_back();
      // The route was changed since: this connection leads to the wrong place.
      if (!free->usable_for(route.settings)) std::exchange(free, nullptr)->quit();
    }
    if (!free && route.all.size() >= route.settings.max_connections) return;
    auto job = std::move(route.waiting.front());
    route.waiting.pop_front();
    if (free) {
      free->take(std::move(job));
      continue;
    }
    std::string name;
    for (const auto& [known, value] : routes_)
      if (&value == &route) name = known;
    auto fresh = std::make_shared<UpstreamConnection>(*this, name, context_, helo_name_,
                                                      route.settings, route.times);
    route.all.push_back(fresh);
    fresh->open(std::move(job));
  }
}

void UpstreamPool::became_idle(const std::shared_ptr<UpstreamConnection>& connection) {
  Route& route = routes_[connection->route()];
  route.idle.push_back(connection);
  if (!route.waiting.empty()) pump(route);
}

void UpstreamPool::gone(const std::shared_ptr<UpstreamConnection>& connection) {
  Route& route = routes_[connection->route()];
  std::erase(route.idle, connection);
  std::erase(route.all, connection);
  if (!stopping_) pump(route);
}

void UpstreamPool::close_idle() {
  for (auto& [_, route] : routes_)
    for (const auto& connection : std::exchange(route.idle, {})) connection->quit();
}

void UpstreamPool::abort() {
  stopping_ = true;
  for (auto& [_, route] : routes_) {
    for (const auto& connection : std::vector(route.all))
      connection->fail("the gateway is stopping");
    for (const auto& job : std::exchange(route.waiting, {}))
      job->done(std::vector<smtp::RecipientResult>(
                    job->which.size(), {smtp::Outcome::deferred, {451, {4, 3, 2}, "stopping"}}),
                false, true);
  }
}

}  // namespace cordon::proxy
