// What the client dialogue makes of each reply, matched to its command by order (RFC 2920 3.1).
#include "smtp/client_state.h"

namespace cordon::smtp {
namespace {

bool completed(const Reply& reply) { return reply.code >= 200 && reply.code < 300; }
bool intermediate(const Reply& reply) { return reply.code >= 300 && reply.code < 400; }

// RFC 5321 4.5.3.1.10: servers of old say 552 for too many recipients, and mean "later". A full
// mailbox (5.2.2) is told by its enhanced code.
bool means_later(const Reply& reply) {
  return reply.code == 552 &&
         (reply.status == EnhancedStatus{} || reply.status == EnhancedStatus{5, 5, 3});
}

// Authentication or encryption is required, or what we have of it does not do.
bool about_session(const Reply& reply) {
  return reply.code == 530 || reply.code == 534 || reply.code == 535 || reply.code == 538;
}

}  // namespace

bool ClientDialogue::State::settles_session(Expected what) {
  return what == Expected::greeting || what == Expected::ehlo || what == Expected::helo ||
         what == Expected::starttls || what == Expected::auth || what == Expected::xclient;
}

void ClientDialogue::State::handle(const Reply& reply) {
  const Expected what = expected[answered++];
  ++replies;
  if (what == Expected::quit) {
    phase = Phase::closed;
    return;
  }
  if (reply.code == 421) {
    dot_answered = what == Expected::dot;
    return break_off(reply);
  }
  if (answered < expected.size()) return act_on(what, reply);
  expected.clear();
  answered = 0;
  // All that was asked is answered. More than that would be taken for the answer to what comes
  // next; behind STARTTLS, in plain, for one that came under TLS (RFC 3207 6).
  const bool surplus = reader.held() > 0;
  const std::optional<Reply> farewell = drop_unasked();
  if (surplus && settles_session(what)) return farewell ? break_off(*farewell) : break_protocol();
  const bool unfinished = reader.held() > 0 || reader.faulty();
  act_on(what, reply);
  if (phase == Phase::decided) {
    close_after = close_after || unfinished;
  } else if (farewell) {
    break_off(*farewell);
  } else if (unfinished) {
    break_protocol();
  }
}

void ClientDialogue::State::act_on(Expected what, const Reply& reply) {
  switch (what) {
    case Expected::greeting:
      return handle_greeting(reply);
    case Expected::ehlo:
      return handle_ehlo(reply);
    case Expected::helo:
      return handle_helo(reply);
    case Expected::starttls:
      return handle_starttls(reply);
    case Expected::auth:
      return handle_auth(reply);
    case Expected::xclient:
      return handle_xclient(reply);
    case Expected::rset:
      if (!completed(reply)) return break_protocol();
      return announced ? announce_client() : send_group();
    case Expected::mail:
      return handle_mail(reply);
    case Expected::rcpt:
      return handle_rcpt(reply);
    case Expected::data:
      return handle_data(reply);
    case Expected::dot:
      return handle_dot(reply);
    case Expected::probe_end:
      return handle_probe_end(reply);
    case Expected::lone_dot:  // the empty message went to nobody; all is decided already
      return message_decided();
    case Expected::quit:
      return;
  }
}

// Replies that nobody asked for; gives a 421 among them. The connection is not used for another
// message: what it says can no longer be matched with certainty.
std::optional<Reply> ClientDialogue::State::drop_unasked() {
  while (auto reply = reader.take()) {
    close_after = true;
    if (last_words.code == 0) last_words = *reply;
    if (reply->code == 421) return reply;
  }
  return std::nullopt;
}

void ClientDialogue::State::take_unasked() {
  if (const auto farewell = drop_unasked()) {
    break_off(*farewell);
  } else if (reader.faulty()) {
    break_protocol();
  }
}

void ClientDialogue::State::handle_mail(const Reply& reply) {
  if (intermediate(reply)) return break_protocol();
  mail = completed(reply) ? MailState::accepted : MailState::refused;
  if (about_session(reply)) return give_session_up(reply);
  if (mail == MailState::refused) decide_rest(reply);
  send_group();
}

void ClientDialogue::State::handle_rcpt(const Reply& reply) {
  if (intermediate(reply)) return break_protocol();
  const std::size_t index = rcpts_answered++;
  if (mail == MailState::accepted && completed(reply)) {
    ++accepted;
    if (purpose == Purpose::probe) decide(index, Outcome::delivered, reply);
  } else {
    // Who was accepted all the same gets the message; the others want another session.
    const bool wants_other = about_session(reply);
    if (wants_other) {
      session_refused = close_after = true;
      if (last_words.code == 0) last_words = reply;
    }
    const bool later = reply.transient() || wants_other || means_later(reply);
    decide(index, later ? Outcome::deferred : Outcome::failed, reply);
  }
  send_group();
}

void ClientDialogue::State::handle_data(const Reply& reply) {
  if (reply.code == 354) {
    if (accepted > 0) {
      phase = Phase::need_body;
    } else {
      send(".\r\n", Expected::lone_dot);  // RFC 2920 3.1: the server waits for content now
    }
  } else if (about_session(reply)) {
    give_session_up(reply);
  } else if (reply.transient() || reply.permanent()) {
    decide_rest(reply);
    message_decided();
  } else {
    break_protocol();
  }
}

void ClientDialogue::State::handle_dot(const Reply& reply) {
  if (intermediate(reply)) return break_protocol();
  dot_answered = true;
  decide_rest(reply);
  message_decided();
  rset_due = !completed(reply);
}

// A server that does not take back what was only asked is left, but what it said still counts.
void ClientDialogue::State::handle_probe_end(const Reply& reply) {
  message_decided();
  rset_due = false;
  if (completed(reply)) return;
  close_after = true;
  last_words = reply;
}

}  // namespace cordon::smtp
