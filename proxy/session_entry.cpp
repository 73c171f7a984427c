// A session's way in, and who its client is: PROXY header, TLS, greeting, XCLIENT, AUTH.
#include <array>
#include <memory>
#include <stdexcept>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "proxy/address_text.h"
#include "proxy/log.h"
#include "proxy/session.h"
#include "proxy/upstream_credentials.h"
#include "smtp/proxy_header.h"

namespace cordon::proxy {

using boost::system::error_code;
using std::chrono::steady_clock;

void Session::start() {
  error_code ignored;
  transport_.socket().set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  port_ = transport_.socket().remote_endpoint(ignored).port();
  if (terms_->must_send_proxy_header(peer_.address)) return read_proxy_header({});
  enter();
}

// ---- PROXY header (haproxy, proxy-protocol.txt 2)

// Takes no octet that lies behind it, which may be TLS already: looks first, then takes what is
// known to belong to it.
void Session::read_proxy_header(std::string so_far) {
  waiting_ = Waiting::proxy_header;
  auto& socket = transport_.socket();
  std::array<char, smtp::max_proxy_header> seen{};
  error_code error;
  const auto got =
      socket.receive(boost::asio::buffer(seen), boost::asio::ip::tcp::socket::message_peek, error);
  if (error == boost::asio::error::would_block) {
    transport_.async_wait(Want::read, [self = shared_from_this(),
                                       kept = std::move(so_far)](const error_code& failed) mutable {
      if (self->closed_ || self->waiting_ != Waiting::proxy_header) return;
      if (failed) return self->end("client closed");
      self->read_proxy_header(std::move(kept));
    });
    return;
  }
  if (error) return end("client closed");
  const std::size_t known = so_far.size();
  so_far.append(seen.data(), got);
  const auto header = smtp::read_proxy_header(so_far);
  using State = smtp::ProxyHeader::State;
  if (header.state == State::bad) {
    log::warn("session.bad_proxy_header", {{"session", peer_.session}, {"client", peer_.address}});
    return end("bad PROXY header");
  }
  const bool whole = header.state == State::whole;
  const std::size_t ours = whole ? header.octets - known : got;
  socket.read_some(boost::asio::buffer(seen.data(), ours), error);
  if (error) return end("client closed");
  if (!whole) return read_proxy_header(std::move(so_far));
  // Without a client the proxy speaks for itself, as for a health check.
  const auto told =
      header.client ? address_text(header.client->address) : std::optional(peer_.address);
  if (!told) return end("bad PROXY header");
  if (header.client) port_ = header.client->port;
  if (!become(*told)) return turn_away();
  enter();
}

// Of the client that a proxy names there are too many sessions, or it comes too often.
void Session::turn_away() {
  end_reason_ = "above the limits of the client that the proxy names";
  greeted_ = true;                                    // in its way
  if (terms_->settings.tls != ListenerTls::implicit)  // who waits for TLS could not read it
    out_ = "421 4.3.2 " + config_->hostname() + " Too many sessions, try later\r\n";
  write_then(Then::close);
}

// ---- TLS and the greeting

void Session::enter() {
  waiting_ = Waiting::nothing;
  log::info("session.began",
            {{"session", peer_.session}, {"client", peer_.address}, {"listener", peer_.listener}});
  if (terms_->may_use_xclient(peer_.address)) automaton_.allow_xclient();
  if (terms_->settings.tls == ListenerTls::implicit) return begin_handshake();
  delay_greeting();
}

void Session::begin_handshake() {
  last_heard_ = steady_clock::now();
  try {
    transport_.start_server(*terms_->tls);
  } catch (const std::runtime_error& fault) {  // no memory
    log::error("tls.failed", {{"session", peer_.session}, {"why", fault.what()}});
    return end("no TLS");
  }
  go_on_with_handshake();
}

void Session::go_on_with_handshake() {
  waiting_ = Waiting::handshake;
  const Step step = transport_.handshake();
  if (step.error) {
    log::info("tls.failed", {{"session", peer_.session}, {"why", transport_.tls_trouble()}});
    return lost(step.error);
  }
  if (step.want != Want::nothing) {
    transport_.async_wait(step.want, [self = shared_from_this()](const error_code& error) {
      if (self->closed_ || self->waiting_ != Waiting::handshake) return;
      if (error) return self->lost(error);
      self->go_on_with_handshake();
    });
    return;
  }
  last_heard_ = steady_clock::now();
  const TlsFacts facts = transport_.tls_facts();
  log::info("tls.began", {{"session", peer_.session},
                          {"version", facts.version},
                          {"cipher", facts.cipher},
                          {"name", facts.server_name}});
  automaton_.tls_started();
  login_.reset();
  peer_.auth_user = automaton_.authenticated_as();
  greeted_ ? drive() : delay_greeting();
}

void Session::delay_greeting() {
  const auto delay = limits().greeting_delay;
  if (delay.count() == 0) return greet();
  waiting_ = Waiting::delay;
  const auto timer = std::make_shared<boost::asio::steady_timer>(worker_.context(), delay);
  timer->async_wait([self = shared_from_this(), timer](const error_code& error) {
    if (!error && !self->closed_) self->greet();
  });
}

// Who talks before the greeting (RFC 5321 3.1 has the server speak first) does not listen either,
// as many a mailer does not.
void Session::greet() {
  error_code error;
  if (transport_.pending() || transport_.socket().available(error) > 0)
    log::warn("session.talked_first", {{"session", peer_.session}, {"client", peer_.address}});
  greeted_ = true;
  last_heard_ = steady_clock::now();
  record_.begin();
  drive();
}

// ---- who the client is

// By the word of a trusted peer. If that host may have no session, nothing has changed.
bool Session::become(const std::string& address) {
  if (place_.move_to(address, limits()) != Doorkeeper::Verdict::welcome) return false;
  if (address == peer_.address) return true;
  log::info(
      "session.client_told",
      {{"session", peer_.session}, {"client", address}, {"by", relay_ ? *relay_ : peer_.address}});
  peer_ = gateway_.make_peer(address, terms_->settings, peer_.session);
  return true;
}

// XCLIENT.
void Session::on_client() {
  if (!relay_) relay_ = std::make_unique<const std::string>(peer_.address);
  const smtp::ClientFacts& client = automaton_.client_facts();
  // Of a client without an address nothing is known but who brings it.
  const auto told = client.address.empty() ? std::optional(*relay_) : address_text(client.address);
  if (!told) return automaton_.refuse({501, {5, 5, 4}, "ADDR is no address"});
  if (!become(*told))
    return automaton_.refuse({421, {4, 3, 2}, "Too many sessions of that client, try later"});
  peer_.auth_user = client.login;
  login_.reset();
  automaton_.accept();
}

// ---- AUTH

bool Session::on_credentials() {
  if (const auto found = bait_in(*gateway_.matcher(), automaton_.credentials()))
    bait_in_login(*found);
  if (!services_.door.within(peer_.address, Limited::auth_failures,
                             limits().max_auth_failures_per_minute)) {
    automaton_.refuse({454, {4, 7, 0}, "Too many failures from here, try again later"});
    return true;
  }
  waiting_ = Waiting::credentials;
  automaton_.retain();
  wipe_secrets();
  services_.credentials.of(*terms_).check(
      terms_, client_facts(), automaton_.credentials(),
      [self = shared_from_this()](const CredentialVerdict& verdict) mutable {
        auto& context = self->worker_.context();
        boost::asio::post(context,
                          [self = std::move(self), verdict] { self->on_verdict(verdict); });
      });
  return false;
}

// Nobody has an account of that name. No message is at hand that it could be about.
void Session::bait_in_login(const baits::Hit& found) {
  const HitOutcome outcome = gateway_.violation(peer_, found, store::ViolationPlace::auth, false);
  log::warn("violation", {{"session", peer_.session},
                          {"client", peer_.address},
                          {"bait", found.id},
                          {"alert", outcome.alert.id},
                          {"place", "auth"}});
  record_.bait_in_login(found.id, outcome.record);
  gateway_.transaction_ended(outcome.alert);
}

void Session::on_verdict(const CredentialVerdict& verdict) {
  using Kind = CredentialVerdict::Kind;
  if (closed_) return;
  last_heard_ = steady_clock::now();
  const std::string user = automaton_.credentials().user;
  const auto refuse = [&](const smtp::Reply& usual) {
    automaton_.refuse(verdict.words.code != 0 ? verdict.words : usual);
  };
  switch (verdict.kind) {
    case Kind::right:
      log::info("auth.accepted", {{"session", peer_.session}, {"user", user}});
      peer_.auth_user = user;
      if (terms_->logs_in_upstream())
        login_ = std::make_shared<const smtp::Credentials>(automaton_.credentials());
      automaton_.accept();
      break;
    case Kind::wrong:
      // Some give their password where the name should be: only a name that we know is told.
      log::warn(
          "auth.refused",
          {{"session", peer_.session},
           {"client", peer_.address},
           {"user", terms_->passwords && terms_->passwords->knows(user) ? user : "(unknown)"}});
      services_.door.count(peer_.address, Limited::auth_failures,
                           limits().max_auth_failures_per_minute);
      refuse({535, {5, 7, 8}, "Wrong name or password"});
      break;
    case Kind::unknown:
      refuse({454, {4, 7, 0}, "Cannot tell now, try again later"});
      break;
  }
  drive();
}

}  // namespace cordon::proxy
