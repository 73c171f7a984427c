// A carrier without sockets for the server automaton: it does what the actions say and writes down
// what happened, in lines that a dialogue file can show. Its answers are decided by names:
//   sender    refused@, later@, closing@ are refused with 550, 451, 421; nodata@ refuses DATA
//   recipient refused@, later@, closing@ likewise
//   content   that has "unwanted" in it is refused with 554, "trouble" with 451
//   AUTH      user refused, later, closing: 535, 454, 421
//   XCLIENT   name refused.example is refused with 550
// A handshake always succeeds.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "smtp/server_automaton.h"

namespace cordon::smtp::test {

// Octets that cannot be shown become \r, \n, \0, \t, \\ or \xHH; and back.
std::string escaped(std::string_view octets);
std::string unescaped(std::string_view text);

class ModelCarrier {
 public:
  // `xclient`: the peer is trusted to say who its client is; `tls`: from the beginning.
  explicit ModelCarrier(const ServerOptions& options, bool xclient = false, bool tls = false);

  // Feeds `octets`, at most `chunk` at a time, and does all that follows. With `retaining` the
  // automaton must keep what it has not consumed at each check.
  void feed(std::string_view octets, std::size_t chunk = std::string_view::npos);
  void run();  // does actions until input is wanted or the session is closed

  ServerAutomaton& automaton() { return automaton_; }
  bool closed() const { return closed_; }
  // "S: 250 ..." for each reply line and "A: ..." for what befell messages and the connection.
  const std::vector<std::string>& log() const { return log_; }
  std::vector<std::string> lines_of(char speaker) const;  // the lines of 'S' or 'A' alone
  const std::string& written() const { return written_; }

  bool retaining = false;

 private:
  void answer(std::string_view local, bool sender);
  void check_credentials();
  void check_client();
  void note(std::string line) { log_.push_back(std::move(line)); }

  ServerAutomaton automaton_;
  std::string buffer_;  // what the automaton may look at; scribbled over once it may not
  std::string body_;
  std::string written_;
  std::vector<std::string> log_;
  bool body_open_ = false;
  bool closed_ = false;
};

}  // namespace cordon::smtp::test
