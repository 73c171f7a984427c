// Asks the real server during RCPT whether it would take a recipient, so that a typo is refused at
// once, as it would be without Cordon (verify_recipients = "upstream"). Only a 5xx refuses: what is
// in doubt, or a server that is away or slow, is taken and sorted out by the delivery. Postmaster
// is always taken (RFC 5321 4.5.1). A yes is remembered for a while, a no is not: it may have been
// about the sender, or about an address that is made the next moment. ask() from any thread.
//
// Baits are never sent upstream. In their place the server is asked about its postmaster, whom it
// must take, so that an answer takes as long as for any address, and is what any would get: a yes,
// unless it refuses the sender, the client, or everybody.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <string>

#include <boost/asio/io_context.hpp>

#include "proxy/gateway.h"
#include "proxy/upstream.h"

namespace cordon::proxy {

class RecipientCheck {
 public:
  // A client waits for the answer: RFC 5321 4.5.3.2.3 gives a RCPT five minutes, people less.
  static constexpr std::chrono::seconds patience{30};
  // What one host may have open; above it its recipients are taken unasked.
  static constexpr std::uint32_t most_open_a_host = 10;

  // `upstreams` lives on `context`, and both outlive this.
  RecipientCheck(boost::asio::io_context& context, Gateway& gateway, UpstreamPool& upstreams,
                 std::chrono::milliseconds longest = patience);

  struct Question {
    std::string listener;
    smtp::ReversePath sender;
    smtp::Mailbox recipient;
    bool smtputf8 = false;
    Login login;               // as whom the mail would go
    smtp::ClientFacts client;  // who asks; has an address
  };
  // `done`, once, on the context: nothing if the recipient is to be taken, else the refusal.
  using Done = std::function<void(std::optional<smtp::Reply>)>;
  void ask(Question question, Done done);

 private:
  using Clock = std::chrono::steady_clock;
  struct Open;
  void probe(const Question& question, Done done);
  void answer(Open& open, std::optional<smtp::Reply> refusal);
  void remember(const std::string& key);

  boost::asio::io_context& context_;
  Gateway& gateway_;
  UpstreamPool& upstreams_;
  const std::chrono::milliseconds longest_;
  std::map<std::string, std::uint32_t> open_;       // by host
  std::map<std::string, Clock::time_point> taken_;  // until when; by route, sender and recipient
  std::list<std::string> in_order_;                 // the keys, in the order of their first yes
};

}  // namespace cordon::proxy
