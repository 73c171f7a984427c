// Who can tell whether what a client gave to AUTH is right. An interface, since the answer may come
// from a file or from the real server, and takes its time either way.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "smtp/client_facts.h"
#include "smtp/credentials.h"
#include "smtp/reply.h"

namespace cordon::proxy {

struct ListenerTerms;

struct CredentialVerdict {
  enum class Kind : std::uint8_t {
    right,
    wrong,
    unknown,  // cannot be told now: the client may try again
  };
  Kind kind = Kind::unknown;
  smtp::Reply words{};  // of the real server, if they are its; else code 0
};

class CredentialCheck {
 public:
  using Done = std::function<void(const CredentialVerdict&)>;
  virtual ~CredentialCheck() = default;
  // Any thread; does not block. `client` has an address, `terms` are those of its listener. Calls
  // `done` once, from any thread, perhaps before it returns; never after stop().
  virtual void check(std::shared_ptr<const ListenerTerms> terms, const smtp::ClientFacts& client,
                     smtp::Credentials credentials, Done done) = 0;
  // At the end: forgets those who wait.
  virtual void stop() = 0;
};

// Both kinds; a listener says which is its.
struct CredentialChecks {
  CredentialCheck& local;
  CredentialCheck& upstream;
  CredentialCheck& of(const ListenerTerms& terms) const;
};

}  // namespace cordon::proxy
