// What AUTH carries (RFC 4954): a name and a secret. The secret is wiped when the value goes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cordon::smtp {

// SASL mechanisms that carry the secret itself, so that it can be tried on the real server. Those
// that do not (CRAM-MD5, SCRAM) are never offered and never used. As bits of a set.
enum class Mechanism : std::uint8_t { plain = 1, login = 2, xoauth2 = 4, oauthbearer = 8 };
using Mechanisms = std::uint8_t;  // the bits of those in the set

constexpr Mechanisms set_of(Mechanism one) { return static_cast<Mechanisms>(one); }
constexpr bool has(Mechanisms set, Mechanism one) { return (set & set_of(one)) != 0; }
inline constexpr Mechanisms password_mechanisms =
    set_of(Mechanism::plain) | set_of(Mechanism::login);
inline constexpr Mechanisms token_mechanisms =
    set_of(Mechanism::xoauth2) | set_of(Mechanism::oauthbearer);

std::string_view name_of(Mechanism one);                          // "PLAIN", as in EHLO and AUTH
std::optional<Mechanism> mechanism_named(std::string_view name);  // in any case

struct Credentials {
  Mechanism mechanism = Mechanism::plain;
  std::string authorize_as;  // authzid of PLAIN; empty if not given
  std::string user;          // authcid; with OAUTHBEARER the name in "a=", which may be empty
  std::string secret;        // password, or the bearer token

  Credentials() = default;
  Credentials(const Credentials&) = default;
  Credentials(Credentials&&) noexcept;
  Credentials& operator=(const Credentials&);
  Credentials& operator=(Credentials&&) noexcept;
  ~Credentials();
  bool operator==(const Credentials&) const = default;
};

// Overwrites the octets of `secret`, up to its capacity, and empties it; not optimized away.
void wipe(std::string& secret);

}  // namespace cordon::smtp
