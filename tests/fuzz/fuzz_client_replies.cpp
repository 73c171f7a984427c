// A hostile upstream: the client dialogue ends whatever is said to it, never claims a delivery
// without a dot and a positive reply, tells no password in plain, and keeps its memory bounded.
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

// What the session is asked for, by two bits of the input.
struct Wishes {
  explicit Wishes(unsigned bits) : tls(bits != 0), implicit(bits == 3), probes(bits == 3) {
    options.helo_name = "gateway.example";
    options.max_reply_octets = 512;
    if (bits == 1) options.starttls = ClientOptions::StartTls::if_offered;
    if (bits == 2) options.starttls = ClientOptions::StartTls::required;
    if (bits < 2) return;
    options.credentials.emplace();
    options.credentials->mechanism = bits == 2 ? Mechanism::plain : Mechanism::xoauth2;
    options.credentials->user = "tim";
    options.credentials->secret = "tanstaaftanstaaf";
    client = &facts;
  }

  ClientOptions options;
  bool tls;
  bool implicit;
  bool probes;
  const ClientFacts* client = nullptr;

 private:
  ClientFacts facts{.address = "192.0.2.7", .helo = "anna.example"};
};

void check_written(const ClientDialogue::Step& step, bool secured, bool probing) {
  require(step.bytes.ends_with("\r\n") && step.bytes.size() < 65536, "whole, bounded lines");
  require(secured || !step.secret, "no secret in plain");
  require(step.secret || !step.bytes.starts_with("AUTH "), "a secret is marked");
  require(!probing || step.bytes.find("DATA") == std::string_view::npos, "a probe sends nothing");
}

void check_results(const ClientDialogue& dialogue, bool passed, bool probing) {
  require(dialogue.results().size() == 3, "each recipient has a result");
  for (const RecipientResult& result : dialogue.results()) {
    require(result.reply.code >= 200 && result.reply.code <= 599, "each result has a reply");
    require(result.outcome != Outcome::failed || result.reply.permanent(), "failed means 5xx");
    if (result.outcome != Outcome::delivered) continue;
    require(probing || (passed && dialogue.dot_sent()), "nothing is delivered without the dot");
    require(result.reply.code < 300, "delivered means 2xx");
  }
  require(!probing || !dialogue.dot_sent(), "a probe sends nothing");
}

void converse(std::string_view replies, std::size_t chunk, unsigned bits) {
  const Wishes wishes(bits);
  ClientDialogue dialogue(wishes.options);
  bool secured = wishes.implicit;
  bool probing = false;
  if (secured) dialogue.tls_started();
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
        check_written(step, secured, probing);
        break;
      case ClientAction::start_tls:
        require(wishes.tls && !secured, "TLS begins once, where it is wanted");
        secured = true;
        dialogue.tls_started();
        break;
      case ClientAction::ready:
        if (++messages > 3) {
          dialogue.quit();
        } else {
          passed = false;
          pieces = 0;
          probing = wishes.probes && messages != 2;
          if (probing) {
            dialogue.probe(mail, {}, wishes.client);
          } else {
            dialogue.deliver(mail, {}, 14, wishes.client);
          }
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
        check_results(dialogue, passed, probing);
        probing = false;
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
  converse(replies, replies.size() + 1, data[0] / 64);
  converse(replies, data[0] % 64 + 1u, data[0] / 64);
  return 0;
}
