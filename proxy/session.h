// One client's session: carries out the actions of the server automaton over a transport. Belongs
// to one worker and never changes thread. Idle it holds no buffer: it waits for readability and
// reads into the worker's, so that an idle session costs little more than its automaton, and
// OpenSSL's state if it is under TLS.
//
// On its way in: a PROXY header if the peer must send one, TLS if the listener begins with it, the
// greeting delay; then the automaton is driven (session_entry.cpp).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "proxy/credential_check.h"
#include "proxy/doorkeeper.h"
#include "proxy/gateway.h"
#include "proxy/incoming_body.h"
#include "proxy/recipient_check.h"
#include "proxy/session_record.h"
#include "proxy/transport.h"
#include "proxy/worker.h"
#include "smtp/server_automaton.h"

namespace cordon::proxy {

// What serves all sessions; outlives them.
struct SessionServices {
  Gateway& gateway;
  Doorkeeper& door;
  CredentialChecks credentials;
  RecipientCheck& recipients;
};

// What is in force for one; kept until it ends.
struct SessionTerms {
  std::shared_ptr<const Config> config;
  std::shared_ptr<const ListenerTerms> listener;
  std::shared_ptr<const smtp::ServerOptions> options;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(boost::asio::ip::tcp::socket socket, Worker& worker, const SessionServices& services,
          SessionTerms terms, Peer peer, Doorkeeper::Place place);
  ~Session();

  void start();
  // By the worker, about once a second: ends the session if a time limit has passed.
  void check_time(std::chrono::steady_clock::time_point now);
  // Clean stop: 421 at the next command boundary.
  void shut_down();
  // Clean stop, the grace is over.
  void abort();

 private:
  enum class Waiting : std::uint8_t {
    nothing,
    proxy_header,
    handshake,
    delay,  // of the greeting
    read,
    write,
    store,
    credentials,
    recipient,  // the real server's word about it
  };
  enum class Then : std::uint8_t { read, go_on, handshake, close };  // once all is written

  void drive();
  bool carry_out(const smtp::Action& action);  // false: wait before the next action

  // The way in, and who the client is (session_entry.cpp).
  void read_proxy_header(std::string so_far);
  void turn_away();
  void enter();
  void begin_handshake();
  void go_on_with_handshake();
  void delay_greeting();
  void greet();
  bool become(const std::string& address);
  void on_client();
  bool on_credentials();
  void bait_in_login(const baits::Hit& hit);
  void on_verdict(const CredentialVerdict& verdict);

  // The envelope and the content (session_mail.cpp).
  void on_sender();
  bool on_recipient();
  void ask_upstream();
  void on_recipient_checked(const std::optional<smtp::Reply>& refusal);
  void hit(const baits::Hit& hit, store::ViolationPlace place, bool null_sender);
  void keep_alert(const store::Alert& alert);
  void on_open_body();
  bool on_body(std::string_view bytes);
  bool on_end_body();
  void submit();
  smtp::ClientFacts client_facts() const;
  std::string trace_field(const smtp::ClientFacts& client) const;
  void on_stored(AcceptOutcome outcome);
  void drop_body();
  void end_transaction();

  void write_then(Then then);
  void flush();
  void on_written();
  void wait_for_input();
  void wait_until(Want want);
  void on_readable(const boost::system::error_code& error);
  void wipe_secrets();
  void lost(const boost::system::error_code& error);
  void end(const char* reason);
  void close();
  void interrupt();
  bool too_slow(std::chrono::steady_clock::time_point now);

  const Settings::Limits& limits() const { return config_->settings().limits; }

  Transport transport_;
  Worker& worker_;
  const SessionServices& services_;
  Gateway& gateway_;  // of the services
  Doorkeeper::Place place_;
  std::shared_ptr<const Config> config_;
  std::shared_ptr<const ListenerTerms> terms_;
  Peer peer_;
  std::uint16_t port_ = 0;  // of the client, or of the proxy's client; 0: not known
  smtp::ServerAutomaton automaton_;
  SessionRecord record_;
  Login login_;                               // that the real server took; none: no such
  std::unique_ptr<const std::string> relay_;  // address of the peer that named another by XCLIENT
  std::string out_;
  std::size_t sent_ = 0;
  Waiting waiting_ = Waiting::nothing;
  Then then_ = Then::read;
  bool greeted_ = false;
  bool closed_ = false;
  std::string end_reason_;  // if the automaton does not know it
  std::chrono::steady_clock::time_point began_;
  std::chrono::steady_clock::time_point last_heard_;
  std::chrono::steady_clock::time_point pace_began_;  // of the content's last minute
  std::uint64_t pace_octets_ = 0;                     // of content, when it began
  std::shared_ptr<IncomingBody> body_;
  // Of this transaction, the first ones. In front the one that its message stands for: the first
  // that raised a cordon, else the first.
  std::vector<store::Alert> alerts_;
  bool quarantine_message_ = false;
};

}  // namespace cordon::proxy
