#include "proxy/ticket_keys.h"

#include <algorithm>
#include <new>

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using cordon::proxy::TicketKeys;

TEST_CASE("a key makes tickets for its time, and opens them for as long again") {
  TicketKeys keys;
  const TicketKeys::Time start{};
  const auto first = keys.current(start);
  REQUIRE(first);
  CHECK(keys.current(start + 11h)->name == first->name);
  const auto second = keys.current(start + 12h);
  REQUIRE(second);
  CHECK(second->name != first->name);
  CHECK(second->cipher != first->cipher);
  CHECK(second->mac != first->mac);
  CHECK(keys.find(first->name.data(), start + 23h)->cipher == first->cipher);
  CHECK(keys.find(second->name.data(), start + 23h)->cipher == second->cipher);
  CHECK_FALSE(keys.find(first->name.data(), start + 24h));
  CHECK_FALSE(keys.find(std::array<unsigned char, 16>{}.data(), start));
}

TEST_CASE("no copy of a key outlives its use") {
  TicketKeys keys;
  alignas(TicketKeys::Key) std::array<unsigned char, sizeof(TicketKeys::Key)> room{};
  auto* key = new (room.data()) TicketKeys::Key(*keys.current({}));
  const auto secret = key->mac;
  const auto holds = [&] {
    return std::search(room.begin(), room.end(), secret.begin(), secret.end()) != room.end();
  };
  CHECK(holds());
  key->~Key();
  CHECK_FALSE(holds());
}

TEST_CASE("after a long time without clients the old key opens nothing") {
  TicketKeys keys;
  const TicketKeys::Time start{};
  const auto first = keys.current(start);
  CHECK_FALSE(keys.find(first->name.data(), start + 24h));
  keys.current(start + 100h);
  CHECK_FALSE(keys.find(first->name.data(), start + 100h));
}
