// A client dialogue carried to a scripted upstream. The upstream answers each command by the first
// rule whose prefix fits; the log shows what was written, write by write.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "smtp/client_dialogue.h"

namespace cordon::smtp::test {

// Prefix of a line, reply. One that does not end its line is the last that the upstream says.
using Rules = std::vector<std::pair<std::string, std::string>>;

extern const Rules friendly;
extern const Rules no_pipelining;
// `special` before the rules of `usual`.
Rules but(Rules special, const Rules& usual = friendly);

struct TrialSetup {
  Rules rules = friendly;
  Rules under_tls = friendly;  // once TLS has begun
  std::string greeting = "220 mx.example ESMTP\r\n";
  ClientOptions options{.helo_name = "gateway.example", .max_reply_octets = 4096};
  bool implicit_tls = false;
  bool handshake_fails = false;
  std::size_t fail_at = std::string::npos;  // the connection breaks before that step
  // What the carrier says when the upstream is silent.
  Reply silence{451, {4, 4, 2}, "connection lost"};
};

class Trial {
 public:
  // As far as `ready` or `close`.
  explicit Trial(TrialSetup setup);
  explicit Trial(Rules rules) : Trial(TrialSetup{.rules = std::move(rules)}) {}

  // As far as `delivered` or `close`.
  ClientAction deliver(const Envelope& envelope, std::vector<std::string> pieces = {"hello\r\n"},
                       const std::vector<std::size_t>& which = {},
                       const ClientFacts* client = nullptr);
  ClientAction probe(const Envelope& envelope, const std::vector<std::size_t>& which = {},
                     const ClientFacts* client = nullptr);
  ClientAction quit();
  ClientAction run();

  std::size_t steps() const { return steps_; }
  // "delivered 250 2.0.0 taken" for each recipient.
  std::vector<std::string> fates() const;

  ClientDialogue dialogue;
  std::vector<std::string> log;  // what was written; "[TLS]" where that began
  ClientAction last = ClientAction::need_input;
  std::string said_in_body;  // by the upstream, while content is sent
  bool hangs_in_body = false;
  bool stop_at_gate = false;
  int gates = 0;

 private:
  void answer(std::string_view bytes);
  void start_tls();

  TrialSetup setup_;
  std::string replies_;
  std::vector<std::string> pieces_;
  bool in_content_ = false;
  bool hung_ = false;
  std::size_t steps_ = 0;
};

// From alice@client.example to each of those at example.org.
Envelope to(const std::vector<std::string>& locals);

}  // namespace cordon::smtp::test
