// What a session of a cordoned origin says and hears, for the audit (BESIDES 3.2: "subject to
// audition"). Follows the cordon: it may be raised, or lifted, while the session is open. Lines go
// to the gateway; baits appear by their ids, credentials not at all. Belongs to its session.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proxy/gateway.h"
#include "smtp/server_automaton.h"

namespace cordon::proxy {

class SessionRecord {
 public:
  // All outlive it.
  SessionRecord(Gateway& gateway, smtp::ServerAutomaton& automaton, const Peer& peer)
      : gateway_(gateway), automaton_(automaton), peer_(peer) {}

  void begin();          // before the first word: the origin may be cordoned already
  void follow_cordon();  // at MAIL, which is at hand
  // The command at hand used the bait `mailbox`; from now on the session is recorded under
  // `cordon`, if that is one.
  void bait_used(baits::BaitId bait, bool as_sender, const smtp::Mailbox& mailbox,
                 std::optional<store::CordonId> cordon);
  // The client logs in as that bait; likewise.
  void bait_in_login(baits::BaitId bait, std::optional<store::CordonId> cordon);
  void flush();  // lines so far go to the gateway

 private:
  std::optional<store::CordonId> cordon_now();
  void start(store::CordonId cordon, std::string at_hand);
  void end();
  std::string sender_line() const;
  std::string recipient_line(const smtp::Mailbox& mailbox) const;
  void add_line(bool from_client, std::string text);

  Gateway& gateway_;
  smtp::ServerAutomaton& automaton_;
  const Peer& peer_;
  std::optional<store::CordonId> cordon_;
  std::vector<store::TranscriptLine> lines_;
};

}  // namespace cordon::proxy
