#include "smtp/sasl_server.h"

#include <algorithm>

#include "smtp/base64.h"
#include "smtp/text.h"

namespace cordon::smtp {
namespace {

constexpr char separator = '\x01';  // RFC 7628 3.1: kvsep

// The prompts that clients of LOGIN know (draft-murchison-sasl-login), in base64.
constexpr std::string_view user_prompt = "VXNlcm5hbWU6";      // "Username:"
constexpr std::string_view password_prompt = "UGFzc3dvcmQ6";  // "Password:"
// {"status":"invalid_token"} and {"status":"401","schemes":"bearer"}
constexpr std::string_view oauthbearer_refusal = "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIn0=";
constexpr std::string_view xoauth2_refusal = "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIn0=";

// Text as RFC 4616 2 has it for names; a control in one would break logs and records.
bool is_name(std::string_view text) {
  return is_well_formed_utf8(text) && std::none_of(text.begin(), text.end(), is_control);
}

// RFC 6750 2.1: b64token. Anything else could hide a separator, or break a line further on.
bool is_token(std::string_view text) {
  const std::size_t end = std::min(text.find('='), text.size());
  const std::string_view body = text.substr(0, end);
  const std::string_view padding = text.substr(end);
  return !body.empty() && padding.find_first_not_of('=') == std::string_view::npos &&
         std::all_of(body.begin(), body.end(), [](char c) {
           return is_alnum(c) || std::string_view("-._~+/").find(c) != std::string_view::npos;
         });
}

// "Bearer TOKEN", the scheme in any case (RFC 7235 2.1).
std::optional<std::string_view> token_in(std::string_view value) {
  constexpr std::string_view scheme = "Bearer ";
  if (!same_ignoring_case(value.substr(0, scheme.size()), scheme)) return std::nullopt;
  value.remove_prefix(scheme.size());
  if (!is_token(value)) return std::nullopt;
  return value;
}

// Takes "key=value^A" off the front of `text` and gives the value.
std::optional<std::string_view> take_value(std::string_view& text, std::string_view key) {
  if (!text.starts_with(key)) return std::nullopt;
  const std::size_t end = text.find(separator);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view value = text.substr(key.size(), end - key.size());
  text.remove_prefix(end + 1);
  return value;
}

// saslname (RFC 5801 4): "=2C" is a comma, "=3D" an equals sign, and neither stands for itself.
std::optional<std::string> decode_saslname(std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      name += text[i];
      continue;
    }
    const std::string_view code = text.substr(i + 1, 2);
    if (code != "2C" && code != "3D") return std::nullopt;
    name += code == "2C" ? ',' : '=';
    i += 2;
  }
  return name;
}

}  // namespace

SaslStep SaslServer::begin(std::optional<std::string_view> initial) {
  if (!initial) {
    challenge_ = credentials_.mechanism == Mechanism::login ? user_prompt : std::string_view();
    return SaslStep::challenge;
  }
  return *initial == "=" ? take({}) : respond(*initial);
}

SaslStep SaslServer::respond(std::string_view line) {
  if (line == "*") return SaslStep::cancelled;
  auto message = decode_base64(line);
  if (!message) return SaslStep::undecodable;
  const SaslStep step = take(*message);
  wipe(*message);
  return step;
}

SaslStep SaslServer::take(std::string_view message) {
  switch (credentials_.mechanism) {
    case Mechanism::plain:
      return take_plain(message);
    case Mechanism::login:
      return take_login(message);
    case Mechanism::xoauth2:
      return take_xoauth2(message);
    case Mechanism::oauthbearer:
      return take_oauthbearer(message);
  }
  return SaslStep::malformed;
}

// RFC 4616 2: [authzid] NUL authcid NUL passwd
SaslStep SaslServer::take_plain(std::string_view message) {
  const std::size_t first = message.find('\0');
  if (first == std::string_view::npos) return SaslStep::malformed;
  const std::size_t second = message.find('\0', first + 1);
  if (second == std::string_view::npos) return SaslStep::malformed;
  const std::string_view authorize_as = message.substr(0, first);
  const std::string_view user = message.substr(first + 1, second - first - 1);
  const std::string_view password = message.substr(second + 1);
  if (password.find('\0') != std::string_view::npos) return SaslStep::malformed;
  if (!is_name(authorize_as) || !is_name(user)) return SaslStep::malformed;
  if (user.empty() || password.empty()) return SaslStep::empty;
  credentials_.authorize_as = authorize_as;
  credentials_.user = user;
  credentials_.secret = password;
  return SaslStep::done;
}

// A NUL could not be replayed by PLAIN, and no password file has one.
SaslStep SaslServer::take_login(std::string_view message) {
  if (message.find('\0') != std::string_view::npos) return SaslStep::malformed;
  if (message.empty()) return SaslStep::empty;
  if (name_taken_) {
    credentials_.secret = message;
    return SaslStep::done;
  }
  if (!is_name(message)) return SaslStep::malformed;
  credentials_.user = message;
  name_taken_ = true;
  challenge_ = password_prompt;
  return SaslStep::challenge;
}

// "user=" name ^A "auth=Bearer " token ^A ^A
SaslStep SaslServer::take_xoauth2(std::string_view message) {
  const auto user = take_value(message, "user=");
  if (!user || !is_name(*user)) return SaslStep::malformed;
  const auto auth = take_value(message, "auth=");
  if (!auth || message != std::string_view(&separator, 1)) return SaslStep::malformed;
  const auto token = token_in(*auth);
  if (!token) return SaslStep::malformed;
  if (user->empty()) return SaslStep::empty;
  credentials_.user = *user;
  credentials_.secret = *token;
  return SaslStep::done;
}

// RFC 7628 3.1: gs2-header kvsep *kvpair kvsep, where gs2-header is "n,", or "y,", and ["a=" name]
// "," (RFC 5801 4). Channel binding ("p=") is not to be had. Host and port, which the client may
// tell too, are those of the real server: not looked at.
SaslStep SaslServer::take_oauthbearer(std::string_view message) {
  if (!message.starts_with("n,") && !message.starts_with("y,")) return SaslStep::malformed;
  message.remove_prefix(2);
  const std::size_t comma = message.find(',');
  if (comma == std::string_view::npos) return SaslStep::malformed;
  std::string_view name = message.substr(0, comma);
  message.remove_prefix(comma + 1);
  if (!name.empty()) {
    if (!name.starts_with("a=")) return SaslStep::malformed;
    name.remove_prefix(2);
  }
  auto user = decode_saslname(name);
  if (!user || !is_name(*user)) return SaslStep::malformed;
  if (!message.starts_with(separator)) return SaslStep::malformed;
  message.remove_prefix(1);
  std::optional<std::string_view> token;
  while (message.size() > 1) {
    const bool is_auth = message.starts_with("auth=");
    const auto value = take_value(message, is_auth ? "auth=" : "");
    if (!value || (is_auth && token)) return SaslStep::malformed;
    if (!is_auth) {
      if (value->find('=') == std::string_view::npos) return SaslStep::malformed;
      continue;
    }
    token = token_in(*value);
    if (!token) return SaslStep::malformed;
  }
  if (!token || message != std::string_view(&separator, 1)) return SaslStep::malformed;
  credentials_.user = std::move(*user);
  credentials_.secret = *token;
  return SaslStep::done;
}

std::string_view SaslServer::refusal_challenge() const {
  switch (credentials_.mechanism) {
    case Mechanism::xoauth2:
      return xoauth2_refusal;
    case Mechanism::oauthbearer:
      return oauthbearer_refusal;
    default:
      return {};
  }
}

}  // namespace cordon::smtp
