#include "proxy/login.h"

namespace cordon::proxy {

namespace {
constexpr std::string_view nameless = "(a bearer token)";
}

std::string login_name(const smtp::Credentials& credentials) {
  const auto& [mechanism, authorize_as, user, secret] = credentials;
  if (user == nameless) return {};  // or he would be taken for all who have no name
  if (user.empty() || authorize_as.empty() || authorize_as == user) return user;
  return user + " for " + authorize_as;
}

std::string login_text(const smtp::Credentials& credentials) {
  std::string name = login_name(credentials);
  return name.empty() ? std::string(nameless) : name;
}

bool same_login(const Login& one, const Login& other) {
  if (!one || !other) return one == other;
  if (one->user != other->user || one->authorize_as != other->authorize_as) return false;
  const bool token = smtp::has(smtp::token_mechanisms, one->mechanism) ||
                     smtp::has(smtp::token_mechanisms, other->mechanism);
  return !token || (one->mechanism == other->mechanism && one->secret == other->secret);
}

bool is_refusal(const smtp::Reply& answer) { return answer.code == 535 || answer.code == 534; }

}  // namespace cordon::proxy
