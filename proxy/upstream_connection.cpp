#include "proxy/upstream_connection.h"

#include <utility>

#include "proxy/log.h"

namespace cordon::proxy {

using boost::system::error_code;
using smtp::ClientAction;
using smtp::Reply;

namespace {

constexpr auto quit_time = std::chrono::seconds(5);

Reply lost(const error_code& error) {
  return {451, {4, 4, 2}, "connection lost: " + error.message()};
}

std::string words_of(const Transport& transport) {
  if (!transport.secured()) return {};
  const TlsFacts facts = transport.tls_facts();
  return facts.version + ' ' + facts.cipher;
}

}  // namespace

UpstreamConnection::~UpstreamConnection() = default;

// What is told of it. As whom it is logged in the AUTH of this connection tells: a server that was
// told so before would take none.
std::optional<smtp::ClientFacts> UpstreamConnection::client_of(const DeliveryJob& job) const {
  auto client = job.client;
  if (client && login_) client->login.clear();
  return client;
}

// By PROXY a connection is some client's for good; only its address matters for that, since the
// port changes with each of its sessions. XCLIENT can tell of another client, but not of none; and
// not where the server takes it only once.
bool UpstreamConnection::fits(const DeliveryJob& job) const {
  if (!same_login(login_, job.login)) return false;
  switch (route_->settings.tell_client) {
    case TellClient::no:
      return true;
    case TellClient::xclient:
      return !told_ || (job.client && (dialogue_.offer().xclient || told_ == client_of(job)));
    case TellClient::proxy:
      return told_.has_value() == job.client.has_value() &&
             (!told_ || told_->address == job.client->address);
  }
  return true;
}

// ---- the dialogue

void UpstreamConnection::drive() {
  if (std::exchange(driving_, true)) {
    drive_again_ = true;
    return;
  }
  do {
    drive_again_ = false;
    while (!closed_ && step(dialogue_.next())) {
    }
  } while (drive_again_ && !closed_);
  driving_ = false;
}

// False: an event, or drive_again_, goes on.
bool UpstreamConnection::step(const smtp::ClientDialogue::Step& step) {
  switch (step.action) {
    case ClientAction::write:
      queue(step.bytes, step.secret);
      return true;
    case ClientAction::need_input:
      write_then([this] { read(); });
      return false;
    case ClientAction::start_tls:
      write_then([this] {
        start_tls([this] {
          dialogue_.tls_started();
          drive();
        });
      });
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

bool UpstreamConnection::on_ready() {
  if (!std::exchange(reached_, true)) {
    log::info("upstream.session", {{"route", destination_.route},
                                   {"host", destination_.host},
                                   {"port", destination_.port},
                                   {"tls", words_of(transport_)}});
    if (login_) pool_.login_ended(*this, {});
    if (dialogue_.client_told()) told_ = client_of(*task_.job);
    if (pool_.on_offer) pool_.on_offer(destination_, dialogue_.offer());
    pool_.session_came_about(*this);
  }
  if (task_.job) {
    begin_message();
    return true;
  }
  if (messages_ >= route_->settings.max_messages_per_connection) {
    dialogue_.quit();
    limit(quit_time, "quit");
    return true;
  }
  ready_ = true;
  limit(route_->settings.idle_timeout, "idle");
  pool_.became_idle(shared_from_this());
  if (ready_) watch();
  return !ready_;  // a waiting message may have taken the connection at once
}

void UpstreamConnection::take(UpstreamPool::Task task) {
  task_ = std::move(task);
  begin_message();
  drive();
}

void UpstreamConnection::begin_message() {
  ready_ = false;
  ++messages_;
  stopped_ = false;
  waiting_for_final_ = false;
  const bool tell = route_->settings.tell_client == TellClient::xclient && task_.job->client &&
                    dialogue_.offer().xclient;
  if (tell) told_ = client_of(*task_.job);
  const smtp::ClientFacts* client = tell ? &*told_ : nullptr;
  if (task_.job->probe) {
    dialogue_.probe(task_.job->envelope, task_.job->which, client);
  } else {
    dialogue_.deliver(task_.job->envelope, task_.job->which, task_.job->octets, client);
  }
}

// The content is on its way, all but the dot. Waiting for those bytes to be written first means
// that the gate is asked as late as it can be.
bool UpstreamConnection::on_gate() {
  if (!out_.empty()) {
    write_then([this] { drive(); });
    return false;
  }
  if (task_.job->pass_gate()) {
    dialogue_.pass();
    waiting_for_final_ = true;
  } else {
    stopped_ = true;
    dialogue_.stop();
  }
  return true;
}

void UpstreamConnection::ask_piece() {
  limit(task_.times.command, "content");
  task_.job->next_piece(
      [self = shared_from_this(), job = task_.job](bool ok, std::string_view bytes, bool last) {
        if (self->closed_ || self->task_.job != job) return;
        if (!ok) return self->fail({451, {4, 3, 0}, "the store could not be read"});
        self->dialogue_.body(bytes, last);
        self->drive();
      });
}

// An old connection that the server had given up on says nothing about the message.
void UpstreamConnection::finish() {
  if (messages_ > 1 && dialogue_.unheard() && !stopped_) {
    return pool_.try_again(destination_, std::exchange(task_, {}));
  }
  answer(dialogue_.results());
}

// The server was told of a client before there was a session, and then refused it: by its greeting,
// for the name it gives itself, or the telling.
bool UpstreamConnection::refused_for_its_client() const {
  return !reached_ && (told_ || dialogue_.client_told()) && dialogue_.last_words().heard;
}

void UpstreamConnection::answer(std::vector<smtp::RecipientResult> results) {
  const auto job = std::exchange(task_.job, nullptr);
  if (!job) return;
  const Reply login_failure = job->login ? dialogue_.auth_failure() : Reply{};
  const bool alone = login_failure.code != 0 || refused_for_its_client();
  if (login_failure.code != 0) pool_.login_ended(*this, login_failure);
  if (alone) {
    pool_.session_came_about(*this);  // with anybody else it would
  } else if (!reached_) {
    away_ = results.empty() ? dialogue_.last_words() : results.front().reply;
  }
  // It was told to go without TLS; next time it may have it.
  if (in_plain_ && dialogue_.session_refused()) pool_.forget_plain(destination_);
  job->done({.results = std::move(results),
             .in_doubt = dialogue_.dot_sent() && !dialogue_.dot_answered(),
             .stopped = stopped_ || (pool_.stopping_ && !reached_),
             .reached = reached_,
             .refused_alone = alone,
             .sender_refused = dialogue_.mail_refused(),
             .login_failure = login_failure,
             .offer = dialogue_.offer(),
             .tls = words_of(transport_)});
}

// ---- octets

void UpstreamConnection::queue(std::string_view bytes, bool secret) {
  if (secret) {
    out_.reserve(out_.size() + bytes.size());  // growing would leave a copy
    secret_in_out_ = true;
  }
  out_.append(bytes);
}

void UpstreamConnection::write_then(const std::function<void()>& next) {
  if (out_.empty()) return next();
  flush(next);
}

void UpstreamConnection::flush(const std::function<void()>& next) {
  while (sent_ < out_.size()) {
    const Step step = transport_.write_some(std::string_view(out_).substr(sent_));
    if (step.want != Want::nothing) return wait(step.want, [this, next] { flush(next); });
    if (step.error) {
      hear_last_words();
      return fail(lost(step.error));
    }
    sent_ += step.octets;
  }
  if (std::exchange(secret_in_out_, false)) smtp::wipe(out_);
  out_.clear();
  sent_ = 0;
  timed_.reset();
  next();
}

// A server that hangs up in the middle of what we send often says why first.
void UpstreamConnection::hear_last_words() {
  while (true) {
    const Step step = transport_.read_some(in_);
    if (step.octets == 0) return;
    dialogue_.input({in_.data(), step.octets});
  }
}

// RFC 5321 4.5.3.2: the time is that of a command. It begins when its octets are out or, in a
// group, when the reply before is in; a server that says its reply octet by octet has no more of
// it.
void UpstreamConnection::limit_reply() {
  if (ready_ || !task_.job || timed_ == dialogue_.replies()) return;
  timed_ = dialogue_.replies();
  limit(waiting_for_final_ ? task_.times.data : task_.times.command, "reply");
}

void UpstreamConnection::read() {
  limit_reply();
  // The dialogue may say more than once that it needs input. A second wait would never end: of two
  // that wake, one finds nothing and waits again.
  if (std::exchange(reading_, true)) return;
  if (transport_.pending()) return on_readable();
  wait(Want::read, [this] { on_readable(); });
}

void UpstreamConnection::on_readable() {
  const Step step = transport_.read_some(in_);
  if (step.want != Want::nothing) return wait(step.want, [this] { on_readable(); });
  reading_ = false;
  if (step.error) return fail(lost(step.error));
  dialogue_.input({in_.data(), step.octets});
  drive();
}

// An idle connection that the server closes, or talks on, is of no more use. Under TLS it may also
// get records that are not for us, such as session tickets.
void UpstreamConnection::watch() {
  transport_.async_wait(Want::read, [self = shared_from_this()](const error_code& error) {
    if (error || self->closed_ || !self->ready_) return;
    self->on_watched();
  });
}

void UpstreamConnection::on_watched() {
  const Step step = transport_.read_some(in_);
  if (step.want == Want::read) return watch();
  shut();
}

void UpstreamConnection::wait(Want want, std::function<void()> next) {
  transport_.async_wait(
      want, [self = shared_from_this(), next = std::move(next)](const error_code& error) {
        if (self->closed_) return;
        if (error) return self->fail(lost(error));
        next();
      });
}

// ---- ends

void UpstreamConnection::limit(std::chrono::milliseconds time, const char* doing) {
  timer_.expires_after(time);
  timer_.async_wait([self = shared_from_this(), doing](const error_code& cancelled) {
    if (!cancelled && !self->closed_) self->on_time_out(doing);
  });
}

void UpstreamConnection::on_time_out(const char* doing) {
  if (ready_) return quit();
  if (!addresses_.empty()) return try_next_address({451, {4, 4, 1}, "time-out: connect"});
  if (in_handshake_) return on_tls_failed("time-out");
  fail({451, {4, 4, 2}, std::string("time-out: ") + doing});
}

void UpstreamConnection::quit() {
  if (!idle()) return;
  ready_ = false;
  dialogue_.quit();
  limit(quit_time, "quit");
  drive();
}

void UpstreamConnection::fail(const Reply& why) {
  if (closed_) return;
  why_ = why;
  if (std::exchange(secret_in_out_, false)) smtp::wipe(out_);
  out_.clear();
  sent_ = 0;
  ready_ = false;
  dialogue_.fail(why);
  drive();
  if (!driving_) shut();
}

void UpstreamConnection::shut() {
  if (closed_) return;
  closed_ = true;
  ready_ = false;
  timer_.cancel();
  resolver_.cancel();
  if (task_.job) {
    // The dialogue ended before there was a message in it.
    Reply reply = dialogue_.last_words();
    if (reply.code == 0 || reply.positive()) reply = why_;
    if (reply.code == 0) reply = {451, {4, 4, 2}, "connection lost"};
    answer(std::vector<smtp::RecipientResult>(task_.job->which.size(),
                                              {smtp::Outcome::deferred, reply}));
  }
  transport_.close();
  pool_.gone(shared_from_this());
}

}  // namespace cordon::proxy
