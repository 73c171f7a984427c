// A hostile upstream: the client dialogue ends whatever is said to it, never claims a delivery
// without a dot and a positive reply, and keeps its memory bounded.
#include "fuzz.h"
#include "smtp/client_dialogue.h"
#include "smtp/reply_reader.h"

using namespace cordon::smtp;
using cordon::fuzz::require;

namespace {

Envelope envelope() {
  Envelope envelope;
  envelope.sender = {false, {"alice", "client.example"}};
  envelope.envid = "Q1";
  for (const char* local : {"bob", "carol", "dave"}) {
    envelope.recipients.push_back(
        {{local, "example.org"}, notify::failure, "rfc822;x@example.org"});
  }
  return envelope;
}

void check_results(const ClientDialogue& dialogue, bool passed) {
  require(dialogue.results().size() == 3, "each recipient has a result");
  for (const RecipientResult& result : dialogue.results()) {
    require(result.reply.code >= 200 && result.reply.code <= 599, "each result has a reply");
    require(result.outcome != Outcome::failed || result.reply.permanent(), "failed means 5xx");
    if (result.outcome != Outcome::delivered) continue;
    require(passed && dialogue.dot_sent(), "nothing is delivered without the dot");
    require(result.reply.code < 300, "delivered means 2xx");
  }
}

void converse(std::string_view replies, std::size_t chunk) {
  ClientDialogue dialogue(ClientOptions{"gateway.example", 512});
  dialogue.connected();
  const Envelope mail = envelope();
  int messages = 0;
  int pieces = 0;
  bool passed = false;
  for (int steps = 0;; ++steps) {
    require(steps < 100000, "the dialogue ends");
    const ClientDialogue::Step step = dialogue.next();
    switch (step.action) {
      case ClientAction::need_input:
        if (replies.empty()) {
          dialogue.fail({451, {4, 4, 2}, "connection lost"});
        } else {
          dialogue.input(replies.substr(0, chunk));
          replies.remove_prefix(std::min(chunk, replies.size()));
        }
        break;
      case ClientAction::write:
        require(step.bytes.ends_with("\r\n") && step.bytes.size() < 65536, "whole, bounded lines");
        break;
      case ClientAction::ready:
        if (++messages > 3) {
          dialogue.quit();
        } else {
          passed = false;
          pieces = 0;
          dialogue.deliver(mail, {}, 14);
        }
        break;
      case ClientAction::need_body:
        dialogue.body(".hello\r\n", ++pieces == 2);
        break;
      case ClientAction::gate:
        passed = messages != 2;
        if (passed) dialogue.pass();
        if (!passed) dialogue.stop();
        break;
      case ClientAction::delivered:
        check_results(dialogue, passed);
        break;
      case ClientAction::close:
        require(dialogue.next().action == ClientAction::close, "closed stays closed");
        return;
    }
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view replies = cordon::fuzz::as_text(data + 1, size - 1);
  converse(replies, replies.size() + 1);
  converse(replies, data[0] % 64 + 1u);
  return 0;
}
