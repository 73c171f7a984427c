#include "model_carrier.h"

#include <algorithm>
#include <memory>

namespace cordon::smtp::test {

std::string escaped(std::string_view octets) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string text;
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    switch (c) {
      case '\r':
        text += "\\r";
        break;
      case '\n':
        text += "\\n";
        break;
      case '\0':
        text += "\\0";
        break;
      case '\t':
        text += "\\t";
        break;
      case '\\':
        text += "\\\\";
        break;
      default:
        if (octet < 0x20 || octet == 0x7F) {
          text.append("\\x").append(1, hex[octet >> 4]).append(1, hex[octet & 15]);
        } else {
          text += c;
        }
    }
  }
  return text;
}

std::string unescaped(std::string_view text) {
  std::string octets;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      octets += text[i];
      continue;
    }
    const char kind = text[++i];
    if (kind == 'r') octets += '\r';
    if (kind == 'n') octets += '\n';
    if (kind == '0') octets += '\0';
    if (kind == 't') octets += '\t';
    if (kind == '\\') octets += '\\';
    if (kind == 'x') {
      octets += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    }
  }
  return octets;
}

ModelCarrier::ModelCarrier(const ServerOptions& options, bool xclient, bool tls)
    : automaton_(std::make_shared<const ServerOptions>(options)) {
  if (xclient) automaton_.allow_xclient();
  if (tls) automaton_.tls_started();
}

void ModelCarrier::feed(std::string_view octets, std::size_t chunk) {
  while (!octets.empty() && !closed_) {
    buffer_ = octets.substr(0, chunk);
    octets.remove_prefix(buffer_.size());
    automaton_.input(buffer_);
    run();
    std::fill(buffer_.begin(), buffer_.end(), '#');
  }
}

void ModelCarrier::answer(std::string_view local, bool sender) {
  if (retaining) {
    automaton_.retain();
    std::fill(buffer_.begin(), buffer_.end(), '#');
  }
  const std::uint16_t detail = sender ? 8 : 1;
  if (local == "refused") return automaton_.refuse({550, {5, 1, detail}, "Not wanted here"});
  if (local == "later") return automaton_.refuse({451, {4, 3, 0}, "Try again later"});
  if (local == "closing") return automaton_.refuse({421, {4, 3, 2}, "Going away"});
  automaton_.accept();
}

void ModelCarrier::check_credentials() {
  const Credentials given = automaton_.credentials();
  note("A: AUTH " + std::string(name_of(given.mechanism)) + " [" + given.authorize_as + "] [" +
       given.user + "] [" + given.secret + ']');
  if (retaining) {
    automaton_.retain();
    std::fill(buffer_.begin(), buffer_.end(), '#');
  }
  if (given.user == "refused") return automaton_.refuse({535, {5, 7, 8}, "Wrong"});
  if (given.user == "later") return automaton_.refuse({454, {4, 7, 0}, "Not now"});
  if (given.user == "closing") return automaton_.refuse({421, {4, 3, 2}, "Going away"});
  automaton_.accept();
}

void ModelCarrier::check_client() {
  const ClientFacts& facts = automaton_.client_facts();
  note("A: client [" + facts.name + "] [" + facts.address + "] [" + std::to_string(facts.port) +
       "] [" + facts.helo + "] [" + facts.login + "] " + (facts.esmtp ? "ESMTP" : "SMTP"));
  if (facts.name == "refused.example") return automaton_.refuse({550, {5, 7, 1}, "Not that one"});
  automaton_.accept();
}

std::vector<std::string> ModelCarrier::lines_of(char speaker) const {
  std::vector<std::string> lines;
  std::copy_if(log_.begin(), log_.end(), std::back_inserter(lines),
               [&](const std::string& line) { return line.front() == speaker; });
  return lines;
}

void ModelCarrier::run() {
  while (!closed_) {
    const Action action = automaton_.next();
    switch (action.kind) {
      case ActionKind::need_input:
        return;
      case ActionKind::write: {
        written_ += action.bytes;
        for (std::string_view rest = action.bytes; !rest.empty();) {
          const std::size_t end = rest.find("\r\n");
          note("S: " + escaped(rest.substr(0, end)));
          rest.remove_prefix(std::min(end, rest.size() - 2) + 2);
        }
        break;
      }
      case ActionKind::check_sender:
        answer(automaton_.envelope().sender.mailbox.local, true);
        break;
      case ActionKind::check_recipient:
        answer(automaton_.proposed_recipient().mailbox.local, false);
        break;
      case ActionKind::open_body:
        if (automaton_.envelope().sender.mailbox.local == "nodata") {
          automaton_.refuse({451, {4, 3, 1}, "No room"});
        } else {
          body_.clear();
          body_open_ = true;
          automaton_.accept();
        }
        break;
      case ActionKind::body:
        body_ += action.bytes;
        break;
      case ActionKind::end_body: {
        std::string line = "A: message " + automaton_.envelope().sender.to_string() + " to";
        for (const Recipient& recipient : automaton_.envelope().recipients) {
          line += " <" + recipient.mailbox.to_string() + '>';
        }
        body_open_ = false;
        if (body_.find("unwanted") != std::string::npos) {
          automaton_.refuse({554, {5, 7, 1}, "Unwanted content"});
          note("A: refused message");
        } else if (body_.find("trouble") != std::string::npos) {
          automaton_.refuse({451, {4, 3, 0}, "Store is down"});
          note("A: refused message");
        } else {
          automaton_.accept("Ok, queued as 17");
          note(line + ": " + escaped(body_));
        }
        break;
      }
      case ActionKind::start_tls:
        note("A: start TLS");
        automaton_.tls_started();
        break;
      case ActionKind::check_credentials:
        check_credentials();
        break;
      case ActionKind::check_client:
        check_client();
        break;
      case ActionKind::drop_body:
        body_open_ = false;
        note("A: drop body");
        break;
      case ActionKind::transaction_over:
        note("A: transaction over " + automaton_.envelope().sender.to_string());
        break;
      case ActionKind::close:
        note("A: close");
        closed_ = true;
        break;
    }
  }
}

}  // namespace cordon::smtp::test
