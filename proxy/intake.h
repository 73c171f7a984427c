// How much may come in at once. Answers with no before memory or the disk runs out, so that clients
// hear a 4xx while there is still room for alerts and results; and lets no host have more than its
// share of content on the way into the store, so that a flood of large mail keeps nobody waiting
// but itself. Any thread; nothing blocks but measure_disk().
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <mutex>
#include <string>
#include <unordered_map>

namespace cordon::proxy {

class Intake {
 public:
  // Octets of one host's content that may be on their way into the store at once; one submission
  // may be larger and then goes alone.
  static constexpr std::size_t host_share = std::size_t{4} * 1024 * 1024;

  // ---- memory: content of messages that are not stored yet
  // Counts `octets` more; false, and nothing is counted, if that is above `limit`.
  bool keep(std::size_t octets, std::uint64_t limit);
  void release(std::size_t octets);
  std::uint64_t kept() const { return kept_.load(std::memory_order_relaxed); }  // octets

  // ---- the disk
  // Looks how much is free under `directory`; blocks. Until the first look, and if it cannot be
  // told, all is taken to be free.
  void measure_disk(const std::string& directory);
  // Whether `octets` more would leave at least `reserve` free, as of the last look.
  bool disk_has_room(std::uint64_t octets, std::uint64_t reserve) const;

  // ---- fairness
  // True: `host` may submit `octets` now. False: it has its share on the way, and `go` is called,
  // from the thread that ends another turn, when it may; in the order of asking. Every turn that
  // was had is ended, once.
  bool take_turn(const std::string& host, std::size_t octets, std::function<void()> go);
  void end_turn(const std::string& host, std::size_t octets);

 private:
  struct Waiting {
    std::size_t octets;
    std::function<void()> go;
  };
  struct Host {
    std::size_t on_the_way = 0;  // octets
    std::deque<Waiting> waiting;
    bool has_room(std::size_t octets) const {
      return on_the_way == 0 || on_the_way + octets <= host_share;
    }
  };

  std::atomic<std::uint64_t> kept_{0};
  std::atomic<std::uint64_t> disk_free_{std::numeric_limits<std::uint64_t>::max()};
  std::mutex mutex_;
  std::unordered_map<std::string, Host> hosts_;  // those with anything on the way
};

}  // namespace cordon::proxy
