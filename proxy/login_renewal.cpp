#include "proxy/login_renewal.h"

#include <utility>

#include "proxy/log.h"

namespace cordon::proxy {

namespace {
constexpr std::uint32_t most_at_once = 1000;  // messages; the next login takes the next ones
}

void LoginRenewal::logged_in(const std::string& listener, Login login) {
  const std::string name = login_name(*login);
  if (name.empty()) return;  // whose mail that is cannot be told
  readers_.post(
      [this, listener, name, login = std::move(login)](store::Reader& reader) {
        for (const auto& message : reader.awaiting_login(listener, name, most_at_once))
          renew(message, login);
      },
      [] {});
}

// A batch each: one that has been deleted meanwhile must not keep the others waiting. What is in
// its cordoning period as yet stays there.
void LoginRenewal::renew(const store::AwaitingLogin& message, const Login& login) {
  std::string sealed = gateway_.credentials().seal(message.id, *login);
  if (sealed.empty()) return;
  store::Batch batch;
  batch.push_back(store::SealCredentials{message.id, std::move(sealed)});
  gateway_.store().submit(std::move(batch), [this, message](const store::Answer& answer) {
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
