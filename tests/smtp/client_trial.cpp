#include "client_trial.h"

#include <algorithm>

namespace cordon::smtp::test {

const Rules friendly{
    {"EHLO", "250-mx.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 1000\r\n250 DSN\r\n"},
    {"MAIL", "250 2.1.0 Ok\r\n"},
    {"RCPT", "250 2.1.5 Ok\r\n"},
    {"DATA", "354 go on\r\n"},
    {".", "250 2.0.0 taken\r\n"},
    {"RSET", "250 2.0.0 Ok\r\n"},
    {"QUIT", "221 2.0.0 bye\r\n"}};

const Rules no_pipelining = but({{"EHLO", "250 mx.example\r\n"}});

Rules but(Rules special, const Rules& usual) {
  special.insert(special.end(), usual.begin(), usual.end());
  return special;
}

Trial::Trial(TrialSetup setup)
    : dialogue(setup.options), setup_(std::move(setup)), replies_(setup_.greeting) {
  if (setup_.implicit_tls) dialogue.tls_started();
  dialogue.connected();
  run();
}

ClientAction Trial::deliver(const Envelope& envelope, std::vector<std::string> pieces,
                            const std::vector<std::size_t>& which, const ClientFacts* client) {
  pieces_ = std::move(pieces);
  std::uint64_t octets = 0;
  for (const std::string& piece : pieces_) octets += piece.size();
  dialogue.deliver(envelope, which, octets, client);
  return run();
}

ClientAction Trial::probe(const Envelope& envelope, const std::vector<std::size_t>& which,
                          const ClientFacts* client) {
  dialogue.probe(envelope, which, client);
  return run();
}

ClientAction Trial::quit() {
  dialogue.quit();
  return run();
}

ClientAction Trial::run() {
  while (true) {
    if (setup_.fail_at == steps_++) dialogue.fail({451, {4, 4, 2}, "connection lost"});
    const ClientDialogue::Step step = dialogue.next();
    last = step.action;
    switch (step.action) {
      case ClientAction::write:
        log.push_back(std::string(step.bytes));
        answer(step.bytes);
        break;
      case ClientAction::need_input:
        if (replies_.empty()) dialogue.fail(setup_.silence);
        dialogue.input(std::exchange(replies_, {}));
        break;
      case ClientAction::start_tls:
        start_tls();
        break;
      case ClientAction::need_body:
        in_content_ = true;
        if (!said_in_body.empty()) {
          dialogue.input(std::exchange(said_in_body, {}));
          if (hangs_in_body) dialogue.fail(setup_.silence);
          break;
        }
        if (std::exchange(hangs_in_body, false)) {
          dialogue.fail(setup_.silence);
          break;
        }
        {
          const std::string piece = pieces_.front();
          pieces_.erase(pieces_.begin());
          dialogue.body(piece, pieces_.empty());
        }
        break;
      case ClientAction::gate:
        ++gates;
        if (stop_at_gate) {
          dialogue.stop();
        } else {
          dialogue.pass();
        }
        break;
      case ClientAction::ready:
      case ClientAction::delivered:
      case ClientAction::close:
        return step.action;
    }
  }
}

void Trial::start_tls() {
  log.push_back("[TLS]");
  if (setup_.handshake_fails) return dialogue.fail({454, {4, 7, 5}, "no common cipher"});
  setup_.rules = setup_.under_tls;
  dialogue.tls_started();
}

std::vector<std::string> Trial::fates() const {
  std::vector<std::string> words;
  for (const RecipientResult& result : dialogue.results()) {
    const char* outcome = result.outcome == Outcome::delivered ? "delivered "
                          : result.outcome == Outcome::failed  ? "failed "
                                                               : "deferred ";
    words.push_back(outcome + result.reply.one_line());
  }
  return words;
}

void Trial::answer(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = std::min(bytes.find('\n'), bytes.size() - 1);
    const std::string_view line = bytes.substr(0, end + 1);
    bytes.remove_prefix(line.size());
    if (in_content_ && line != ".\r\n") continue;
    in_content_ = false;
    for (const auto& [prefix, reply] : setup_.rules) {
      if (!line.starts_with(prefix)) continue;
      if (!hung_) replies_ += reply;
      hung_ = hung_ || !reply.ends_with("\r\n");
      break;
    }
  }
}

Envelope to(const std::vector<std::string>& locals) {
  Envelope envelope;
  envelope.sender = {false, {"alice", "client.example"}};
  for (const std::string& local : locals) {
    envelope.recipients.push_back({{local, "example.org"}, notify::unspecified, ""});
  }
  return envelope;
}

}  // namespace cordon::smtp::test
