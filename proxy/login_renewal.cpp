#include "proxy/login_renewal.h"

#include <utility>

#include "proxy/log.h"

namespace cordon::proxy {

namespace {

constexpr std::uint32_t most_at_once = 1000;  // messages; the next login takes the next ones

bool is_token(const smtp::Credentials& login) {
  return smtp::has(smtp::token_mechanisms, login.mechanism);
}

}  // namespace

void LoginRenewal::logged_in(const std::string& listener, Login login) {
  if (login_name(*login).empty()) return;  // whose mail that is cannot be told
  readers_.post(
      [this, listener, login = std::move(login)](store::Reader& reader) {
        const auto config = gateway_.config();
        for (const auto& one : config->logging_in_at(config->route_name(listener)))
          renew_all(reader, one, login);
      },
      [] {});
}

// The oldest tells whether all are as they should be, so that the usual login costs little.
void LoginRenewal::renew_all(store::Reader& reader, const std::string& listener,
                             const Login& login) {
  const std::string name = login_name(*login);
  for (const auto& message : reader.awaiting_login(listener, name, most_at_once))
    renew(message, login);
  auto sealed = reader.sealed_logins(listener, name, {}, 1);
  if (sealed.empty() || !has_other_secret(sealed.front(), login)) return;
  while (!sealed.empty()) {
    for (const auto& message : sealed)
      if (has_other_secret(message, login)) renew({message.id, false}, login);
    sealed = reader.sealed_logins(listener, name, sealed.back().id, most_at_once);
  }
}

// Of the same kind: a token may end long before a password does.
bool LoginRenewal::has_other_secret(const store::SealedLogin& message, const Login& login) {
  const auto waits = gateway_.credentials().open(message.id, message.sealed).credentials;
  return waits && is_token(*waits) == is_token(*login) && waits->secret != login->secret;
}

// A batch each: one that has been deleted meanwhile must not keep the others waiting. What is in
// its cordoning period as yet stays there.
void LoginRenewal::renew(const store::AwaitingLogin& message, const Login& login) {
  gateway_.credentials().renew(message.id, *login, [this, message](const store::Answer& answer) {
    const auto id = message.id;
    if (!answer.ok()) {
      log::warn("store.failed",
                {{"doing", "renew credentials"}, {"id", id}, {"why", answer.detail}});
      return;
    }
    log::info("message.credentials_renewed", {{"id", id}});
    if (!message.was_due) return;
    const auto now = gateway_.clock().now();
    gateway_.with_policy([&](Policy& policy) { policy.cordoner.hasten(id, now); });
    gateway_.wake();
  });
}

}  // namespace cordon::proxy
