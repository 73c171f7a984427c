// One client's session: carries out the actions of the server automaton over a socket. Belongs to
// one worker and never changes thread. Idle it holds no buffer: it waits for readability and reads
// into the worker's, so that an idle session costs little more than its automaton.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>

#include "proxy/gateway.h"
#include "proxy/incoming_body.h"
#include "proxy/worker.h"
#include "smtp/server_automaton.h"

namespace cordon::proxy {

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(boost::asio::ip::tcp::socket socket, Worker& worker, Gateway& gateway, Peer peer,
          std::shared_ptr<const smtp::ServerOptions> options, std::shared_ptr<const Config> config);
  ~Session();

  void start();
  // By the worker, about once a second: ends the session if a time limit has passed.
  void check_time(std::chrono::steady_clock::time_point now);
  // Clean stop: 421 at the next command boundary.
  void shut_down();
  // Clean stop, the grace is over.
  void abort();
  const std::string& host() const { return peer_.address; }

 private:
  enum class Waiting : std::uint8_t { nothing, read, write, store };

  void drive();
  bool carry_out(const smtp::Action& action);  // false: wait before the next action
  void on_sender();
  void on_recipient();
  void hit(const baits::Hit& hit, store::ViolationPlace place, bool null_sender);
  void keep_alert(const store::Alert& alert);
  void on_open_body();
  bool on_body(std::string_view bytes);
  bool on_end_body();
  void submit();
  std::string trace_field() const;
  void on_stored(AcceptOutcome outcome);
  void drop_body();
  void end_transaction();

  void flush();
  void on_written(const boost::system::error_code& error, std::size_t octets);
  void wait_for_input();
  void on_readable(const boost::system::error_code& error);
  void lost(const boost::system::error_code& error);
  void close();

  void follow_cordon();
  std::optional<store::CordonId> cordon_now();
  void start_record(store::CordonId cordon, std::string at_hand);
  void end_record();
  std::string sender_line() const;
  std::string recipient_line(const smtp::Mailbox& mailbox) const;
  void on_line(smtp::Speaker speaker, std::string_view line);
  void add_line(bool from_client, std::string text);
  void flush_lines();

  boost::asio::ip::tcp::socket socket_;
  Worker& worker_;
  Gateway& gateway_;
  std::shared_ptr<const Config> config_;
  Peer peer_;
  smtp::ServerAutomaton automaton_;
  std::string out_;
  std::size_t sent_ = 0;
  Waiting waiting_ = Waiting::nothing;
  bool closing_ = false;
  bool closed_ = false;
  std::string end_reason_ = "quit";
  std::chrono::steady_clock::time_point began_;
  std::chrono::steady_clock::time_point last_heard_;
  std::shared_ptr<IncomingBody> body_;
  // Of this transaction, the first ones. In front the one that its message stands for: the first
  // that raised a cordon, else the first.
  std::vector<store::Alert> alerts_;
  bool quarantine_message_ = false;
  std::optional<store::CordonId> record_;
  std::vector<store::TranscriptLine> lines_;
};

}  // namespace cordon::proxy
