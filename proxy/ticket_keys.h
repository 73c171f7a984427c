// The keys under which a server's sessions go into tickets (RFC 5077 5.5). They change: whoever
// gets one could else read all that TLS 1.2 ever carried under resumed sessions (RFC 9325 3.4). Any
// thread.
#pragma once

#include <array>
#include <chrono>
#include <mutex>
#include <optional>

typedef struct ssl_ctx_st SSL_CTX;

namespace cordon::proxy {

class TicketKeys {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // New tickets are made with a key so long; those made with it are good so long again.
  static constexpr std::chrono::hours lifetime{12};

  struct Key {  // no copy leaves anything behind
    Key() = default;
    Key(const Key&) = default;
    Key& operator=(const Key&) = default;
    ~Key();
    std::array<unsigned char, 16> name{};
    std::array<unsigned char, 32> cipher{};
    std::array<unsigned char, 32> mac{};
    Time made;
  };
  TicketKeys() = default;
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  // For a new ticket. Nothing if the system has no randomness.
  std::optional<Key> current(Time now);
  // The one called `name`, of 16 octets; nothing if there is none, or no longer.
  std::optional<Key> find(const unsigned char* name, Time now);

  // Makes tickets of `context` with these keys, which outlive it.
  void serve(SSL_CTX* context);

 private:
  std::mutex mutex_;
  std::optional<Key> current_;
  std::optional<Key> previous_;
};

}  // namespace cordon::proxy
