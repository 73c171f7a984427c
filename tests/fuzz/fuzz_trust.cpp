// What clients say of who they are: the exchanges of AUTH and the attributes of XCLIENT. The first
// octet chooses the mechanism and how the rest is said.
#include "fuzz.h"
#include "smtp/base64.h"
#include "smtp/sasl_client.h"
#include "smtp/sasl_server.h"
#include "smtp/xclient.h"

using namespace cordon::smtp;
using cordon::fuzz::require;

namespace {

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

void check_credentials(const Credentials& given) {
  require(!given.secret.empty(), "a secret has octets");
  require(given.secret.find('\0') == std::string::npos, "that PLAIN can carry");
  for (const std::string& name : {given.user, given.authorize_as}) {
    for (const char c : name) require(c != 0x7F && (c < 0 || c >= ' '), "a name breaks no line");
  }
}

// The client's side says the same again.
void check_replay(const Credentials& given) {
  SaslClient client(given, given.mechanism);
  const std::string opening = client.begin();
  const std::string command = "AUTH " + std::string(name_of(given.mechanism));
  require(opening.starts_with(command) && opening.ends_with("\r\n"), "a command");
  std::string_view initial(opening);
  initial.remove_prefix(command.size());
  initial.remove_suffix(2);
  SaslServer server(given.mechanism);
  SaslStep step = initial.empty() ? server.begin(std::nullopt) : server.begin(initial.substr(1));
  while (step == SaslStep::challenge) {
    const auto line = client.answer();
    require(line && line->ends_with("\r\n"), "a challenge is answered");
    step = server.respond(std::string_view(*line).substr(0, line->size() - 2));
  }
  require(step == SaslStep::done && server.credentials() == given,
          "what was taken can be replayed");
}

void check_exchange(Mechanism mechanism, bool encode, bool initial, std::string_view text) {
  SaslServer sasl(mechanism);
  const auto next = [&] {
    const std::string line(take_line(text));
    return encode ? encode_base64(line) : line;
  };
  SaslStep step = initial ? sasl.begin(next()) : sasl.begin(std::nullopt);
  for (int lines = 0; step == SaslStep::challenge; ++lines) {
    require(lines < 3, "an exchange ends");
    require(decode_base64(sasl.challenge()).has_value(), "a challenge is base64");
    step = sasl.respond(next());
  }
  if (step != SaslStep::done) return;
  check_credentials(sasl.credentials());
  check_replay(sasl.credentials());
}

void check_xclient(std::string_view text) {
  ClientFacts facts;
  if (read_xclient(text, facts)) return;
  for (const std::string* value : {&facts.name, &facts.helo, &facts.login, &facts.address}) {
    for (const char c : *value) require(c != 0x7F && (c < 0 || c >= ' '), "a value breaks no line");
  }
  ClientFacts back;
  const std::string line = format_xclient(facts, all_xclient_attributes);
  require(line.find_first_of("\r\n") == std::string::npos, "one line");
  require(!read_xclient(std::string_view(line).substr(8), back) && back == facts, "says the same");
  require(read_client_record(client_record(facts)) == facts, "and so does the record");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text = cordon::fuzz::as_text(data + 1, size - 1);
  const auto mechanism = static_cast<Mechanism>(1 << (data[0] & 3));
  check_exchange(mechanism, (data[0] & 4) == 0, (data[0] & 8) != 0, text);
  check_xclient(text);
  require(decode_base64(encode_base64(text)) == text, "base64 carries any octets");
  if (const auto octets = decode_base64(text)) {
    require(encode_base64(*octets) == text, "and is said in one way");
  }
  return 0;
}
