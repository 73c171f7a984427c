// Whole sessions with a model carrier that asserts the contract of server_automaton.h. The first
// octet chooses how the input is cut; the second, the moods: what the carrier refuses, when it
// ends, whether the peer is trusted to use XCLIENT and whether AUTH is offered in plain.
#include "fuzz.h"
#include "smtp/server_automaton.h"

using namespace cordon::smtp;
using cordon::fuzz::require;

namespace {

class Carrier {
 public:
  Carrier(std::size_t chunk, unsigned moods)
      : automaton_(std::make_shared<const ServerOptions>(options(moods))),
        chunk_(chunk),
        moods_(moods) {
    if ((moods_ & 8) != 0) automaton_.allow_xclient();
    if ((moods_ & 32) != 0) automaton_.tls_started();
  }

  void play(std::string_view octets) {
    run();
    // A client waits after STARTTLS, so a piece ends there.
    constexpr std::string_view wait = "STARTTLS\r\n";
    while (!octets.empty()) {
      const std::size_t at = octets.find(wait);
      const std::size_t end = at == std::string_view::npos ? octets.size() : at + wait.size();
      feed(octets.substr(0, end));
      octets.remove_prefix(end);
    }
    if ((moods_ & 64) != 0) automaton_.shut_down();
    if ((moods_ & 64) != 0) run();
    if ((moods_ & 128) != 0) automaton_.time_out();
    if ((moods_ & 128) == 0) automaton_.connection_lost();
    const std::string before = written_;
    run();
    require(closed_, "every session ends");
    require(!body_open_, "every body opened is ended or dropped");
    require(!in_transaction_, "every transaction is ended");
    require((moods_ & 128) != 0 || written_ == before, "nothing is said to a client that is gone");
    require(written_.ends_with("\r\n"), "replies are whole lines");
  }

  const std::string& written() const { return written_; }
  const std::string& carried() const { return carried_; }

 private:
  static ServerOptions options(unsigned moods) {
    ServerOptions options;
    options.max_message_octets = 200;
    options.max_recipients = 5;
    options.max_errors = 50;
    options.smtputf8 = true;
    options.starttls = true;
    options.mechanisms = password_mechanisms | token_mechanisms;
    options.auth_in_plain = (moods & 16) != 0;
    return options;
  }

  void feed(std::string_view octets) {
    while (!octets.empty() && !closed_) {
      std::string piece(octets.substr(0, chunk_));
      octets.remove_prefix(piece.size());
      piece_ = &piece;
      automaton_.input(piece);
      run();
      piece_ = nullptr;
    }
  }

  void run() {
    while (!closed_) {
      const Action action = automaton_.next();
      if (action.kind == ActionKind::need_input) return;
      carry_out(action);
    }
    require(automaton_.next().kind == ActionKind::close, "closed stays closed");
  }

  // Refuses every so often, by the moods, so that each refusal meets each state.
  void answer() {
    if ((moods_ & 1) != 0) {
      automaton_.retain();
      if (piece_ != nullptr) piece_->assign(piece_->size(), '#');
    }
    ++answers_;
    if ((moods_ & 2) != 0 && answers_ % 3 == 0) return automaton_.refuse({550, {5, 1, 1}, "No"});
    if ((moods_ & 4) != 0 && answers_ % 5 == 0) return automaton_.refuse({421, {4, 3, 0}, "Bye"});
    automaton_.accept();
    yes_ = true;
  }

  void check_credentials() {
    const Credentials& given = automaton_.credentials();
    require(automaton_.tls() || (moods_ & 16) != 0, "no secret in plain");
    require(!in_transaction_ && !automaton_.authenticated(), "AUTH once, between transactions");
    require(automaton_.input_was_secret(), "the carrier is told of the secret");
    require(!given.secret.empty() && given.secret.find('\0') == std::string::npos, "a secret");
    require(!given.user.empty() || given.mechanism == Mechanism::oauthbearer, "of somebody");
    carried_ += "|auth " + given.user + '|';
    answer();
    require(automaton_.authenticated() == yes_, "who was refused is nobody");
    require(automaton_.credentials() == Credentials{}, "the secret is gone");
  }

  // Content of BDAT may lack the last line end.
  static void check_lines(std::string_view content) {
    for (std::size_t i = 0; i < content.size(); ++i) {
      const bool after_cr = i > 0 && content[i - 1] == '\r';
      require((content[i] == '\n') == after_cr, "no bare CR or LF in content");
    }
    require(!content.ends_with('\r'), "nor at its end");
  }

  void carry_out(const Action& action) {
    yes_ = false;
    switch (action.kind) {
      case ActionKind::write:
        require(!action.bytes.empty() && action.bytes.size() < 8192, "writes are bounded");
        written_ += action.bytes;
        break;
      case ActionKind::check_sender:
        require(!in_transaction_ && !body_open_, "one sender a transaction");
        require(automaton_.envelope().recipients.empty(), "a new envelope is empty");
        answer();
        in_transaction_ = yes_;
        recipients_ = 0;
        break;
      case ActionKind::check_recipient:
        require(in_transaction_ && !body_open_, "recipients within a transaction");
        require(automaton_.envelope().recipients.size() == recipients_, "only accepted recipients");
        answer();
        recipients_ += yes_ ? 1 : 0;
        require(recipients_ <= 5, "recipients are bounded");
        break;
      case ActionKind::open_body:
        require(in_transaction_ && !body_open_ && recipients_ > 0, "a body has a recipient");
        answer();
        body_open_ = yes_;
        octets_ = 0;
        break;
      case ActionKind::body:
        require(body_open_ && !action.bytes.empty(), "content within a body");
        require(action.bytes.find('\0') == std::string_view::npos, "no NUL in content");
        octets_ += action.bytes.size();
        require(octets_ <= 200, "content is bounded");
        carried_ += action.bytes;
        break;
      case ActionKind::end_body:
        require(body_open_, "what ends was open");
        require(automaton_.body_octets() == octets_, "octets are counted");
        check_lines(std::string_view(carried_).substr(carried_.size() - octets_));
        answer();
        carried_ += yes_ ? "|taken|" : "|refused|";
        body_open_ = in_transaction_ = false;
        break;
      case ActionKind::drop_body:
        require(body_open_, "what is dropped was open");
        body_open_ = false;
        carried_.resize(carried_.size() - octets_);
        carried_ += "|dropped|";
        break;
      case ActionKind::transaction_over:
        require(in_transaction_ && !body_open_, "what is over was begun");
        require(automaton_.envelope().recipients.size() == recipients_, "the envelope still shows");
        in_transaction_ = false;
        break;
      case ActionKind::start_tls:
        require(!automaton_.tls() && !in_transaction_, "TLS begins once, between transactions");
        require(written_.ends_with("220 2.0.0 Ready to start TLS\r\n"), "after its 220");
        automaton_.tls_started();
        require(automaton_.tls() && automaton_.helo_name().empty(), "and all begins anew");
        carried_ += "|tls|";
        break;
      case ActionKind::check_credentials:
        check_credentials();
        break;
      case ActionKind::check_client:
        require((moods_ & 8) != 0 && !in_transaction_, "only a trusted peer tells of a client");
        carried_ += "|client " + automaton_.client_facts().address + '|';
        answer();
        require(!yes_ || automaton_.helo_name().empty(), "and all begins anew");
        break;
      case ActionKind::close:
        require(!automaton_.end_reason().empty(), "an end has a reason");
        closed_ = true;
        break;
      case ActionKind::need_input:
        break;
    }
  }

  ServerAutomaton automaton_;
  std::size_t chunk_;
  unsigned moods_;
  std::string* piece_ = nullptr;
  std::string written_;
  std::string carried_;
  unsigned answers_ = 0;
  std::size_t recipients_ = 0;
  std::size_t octets_ = 0;
  bool yes_ = false;
  bool in_transaction_ = false;
  bool body_open_ = false;
  bool closed_ = false;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view octets = cordon::fuzz::as_text(data + 2, size - 2);
  Carrier whole(octets.size() + 1, data[1]);
  whole.play(octets);
  Carrier parted(data[0] % 16 + 1u, data[1] ^ 1u);
  parted.play(octets);
  // Whether octets lie behind STARTTLS, when it is read, is a question of how they come.
  constexpr std::string_view injected = "Input behind STARTTLS";
  if (whole.written().find(injected) != std::string::npos) return 0;
  require(whole.carried() == parted.carried(), "chunking does not matter to what is carried");
  require(whole.written() == parted.written(), "nor to what is said");
  return 0;
}
