#include "smtp/credentials.h"

#include <array>
#include <utility>

#include "smtp/text.h"

namespace cordon::smtp {
namespace {

constexpr std::array<std::pair<Mechanism, std::string_view>, 4> names{{
    {Mechanism::plain, "PLAIN"},
    {Mechanism::login, "LOGIN"},
    {Mechanism::xoauth2, "XOAUTH2"},
    {Mechanism::oauthbearer, "OAUTHBEARER"},
}};

}  // namespace

std::string_view name_of(Mechanism one) {
  for (const auto& [mechanism, name] : names) {
    if (mechanism == one) return name;
  }
  return {};
}

std::optional<Mechanism> mechanism_named(std::string_view name) {
  for (const auto& [mechanism, known] : names) {
    if (same_ignoring_case(name, known)) return mechanism;
  }
  return std::nullopt;
}

void wipe(std::string& secret) {
  secret.resize(secret.capacity());  // what was there once may be longer than what is there now
  // Through volatile: a store into memory that is freed next would else be left out.
  volatile char* const octets = secret.data();
  for (std::size_t i = 0; i < secret.size(); ++i) octets[i] = '\0';
  secret.clear();
}

// A moved-from short string keeps its octets, and an assigned one those beyond its new end.
Credentials::Credentials(Credentials&& other) noexcept
    : mechanism(other.mechanism),
      authorize_as(std::move(other.authorize_as)),
      user(std::move(other.user)),
      secret(std::move(other.secret)) {
  wipe(other.secret);
}

Credentials& Credentials::operator=(Credentials&& other) noexcept {
  if (this == &other) return *this;
  mechanism = other.mechanism;
  authorize_as = std::move(other.authorize_as);
  user = std::move(other.user);
  wipe(secret);
  secret = std::move(other.secret);
  wipe(other.secret);
  return *this;
}

Credentials& Credentials::operator=(const Credentials& other) {
  if (this == &other) return *this;
  mechanism = other.mechanism;
  authorize_as = other.authorize_as;
  user = other.user;
  wipe(secret);
  secret = other.secret;
  return *this;
}

Credentials::~Credentials() { wipe(secret); }

}  // namespace cordon::smtp
