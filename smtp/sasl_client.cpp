#include "smtp/sasl_client.h"

#include <array>

#include "smtp/base64.h"

namespace cordon::smtp {
namespace {

constexpr std::size_t max_command_line = 512;  // RFC 5321 4.5.3.1.4, with CRLF

// RFC 5801 4: "," and "=" mean something in a gs2-header.
std::string gs2_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == ',') {
      out += "=2C";
    } else if (c == '=') {
      out += "=3D";
    } else {
      out += c;
    }
  }
  return out;
}

std::string encoded(std::string plain) {
  std::string text = encode_base64(plain);
  wipe(plain);
  return text;
}

// Into one buffer of the right size, so that growing leaves no copy of a secret behind.
std::string joined(std::initializer_list<std::string_view> parts) {
  std::size_t octets = 0;
  for (const std::string_view part : parts) octets += part.size();
  std::string whole;
  whole.reserve(octets);
  for (const std::string_view part : parts) whole += part;
  return whole;
}

std::string line_of(std::string text) {
  std::string line = joined({text, "\r\n"});
  wipe(text);
  return line;
}

}  // namespace

std::optional<Mechanism> choose_mechanism(const Credentials& credentials, Mechanisms allowed,
                                          Mechanisms offered) {
  const bool password = has(password_mechanisms, credentials.mechanism);
  const std::array order =
      password ? std::array{credentials.mechanism, Mechanism::plain, Mechanism::login}
               : std::array{credentials.mechanism, Mechanism::oauthbearer, Mechanism::xoauth2};
  for (const Mechanism one : order) {
    const bool tells_whom = one == Mechanism::plain || one == Mechanism::oauthbearer;
    if (!credentials.authorize_as.empty() && !tells_whom) continue;
    if (has(offered, one) && (allowed == 0 || has(allowed, one))) return one;
  }
  return std::nullopt;
}

std::string SaslClient::message() const {
  const Credentials& c = credentials_;
  constexpr std::string_view nul("\0", 1);
  switch (mechanism_) {
    case Mechanism::plain:
      return encoded(joined({c.authorize_as, nul, c.user, nul, c.secret}));
    case Mechanism::login:
      return encode_base64(c.user);
    case Mechanism::xoauth2:
      return encoded(joined({"user=", c.user, "\x01", "auth=Bearer ", c.secret, "\x01\x01"}));
    case Mechanism::oauthbearer: {
      const std::string name = gs2_name(c.authorize_as.empty() ? c.user : c.authorize_as);
      return encoded(joined({"n,a=", name, ",\x01", "auth=Bearer ", c.secret, "\x01\x01"}));
    }
  }
  return {};
}

std::string SaslClient::begin() {
  const std::string command = "AUTH " + std::string(name_of(mechanism_));
  // The prompts of LOGIN are asked for: servers differ in whether they take a name with AUTH.
  if (mechanism_ == Mechanism::login) return command + "\r\n";
  std::string initial = message();
  if (command.size() + 1 + initial.size() + 2 > max_command_line) {
    wipe(initial);
    return command + "\r\n";
  }
  told_ = 1;
  std::string line = joined({command, " ", initial, "\r\n"});
  wipe(initial);
  return line;
}

std::optional<std::string> SaslClient::answer() {
  if (cancelled_) return std::nullopt;
  const std::uint8_t turn = told_++;
  if (turn == 0) return line_of(message());
  if (turn == 1) {
    switch (mechanism_) {
      case Mechanism::login:
        return line_of(encode_base64(credentials_.secret));
      case Mechanism::xoauth2:  // an error told as a challenge; a reply follows an empty line
        return "\r\n";
      case Mechanism::oauthbearer:  // the same, after %x01 (RFC 7628 3.2.3)
        return "AQ==\r\n";
      case Mechanism::plain:
        break;
    }
  }
  cancelled_ = true;
  return "*\r\n";
}

bool SaslClient::repeated_in(std::string_view text) const {
  const auto holds = [&](std::string part) {
    const bool found = !part.empty() && text.find(part) != std::string_view::npos;
    wipe(part);
    return found;
  };
  return holds(credentials_.secret) || holds(encode_base64(credentials_.secret)) ||
         (mechanism_ != Mechanism::login && holds(message()));
}

}  // namespace cordon::smtp
