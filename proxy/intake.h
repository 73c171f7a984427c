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
  // The memory there is for content has so many parts; one host may have one of them.
  static constexpr std::uint64_t memory_parts = 4;

  // ---- memory: content of messages that are not stored yet
  // Counts `octets` more; false, and nothing is counted, if that is above `limit` in all, or above
  // the host's part of it.
  bool keep(const std::string& host, std::size_t octets, std::uint64_t limit);
  void release(const std::string& host, std::size_t octets);
  // Whether one octet more of `host` could be kept.
  bool has_memory(const std::string& host, std::uint64_t limit);

  // ---- the disk
  // Looks how much is free under `directory`; blocks. Until the first look, and if it cannot be
  // told, all is taken to be free.
  void measure_disk(const std::string& directory);
  // Whether `octets` more would leave at least `reserve` free, as of the last look.
  bool disk_has_room(std::uint64_t octets, std::uint64_t reserve) const;
  // Octets on their way to the disk, which the last look did not see.
  void spend_disk(std::uint64_t octets);

  // ---- fairness
  // True: `host` may submit `octets` now. False: it has its share on the way, and `go` is called,
  // from the thread that ends another turn, when it may; in the order of asking. Every turn that
  // was had is ended, once.
  bool take_turn(const std::string& host, std::size_t octets, std::function<void()> go);
  void end_turn(const std::string& host, std::size_t octets);
  // At the end: forgets all who wait; their `go` goes with whatever it holds.
  void forget_waiting();

 private:
  struct Waiting {
    std::size_t octets;
    std::function<void()> go;
  };
  struct Host {
    std::size_t on_the_way = 0;  // octets
    std::uint64_t kept = 0;      // octets
    std::deque<Waiting> waiting;
    bool has_room(std::size_t octets) const {
      return on_the_way == 0 || on_the_way + octets <= host_share;
    }
    bool idle() const { return on_the_way == 0 && kept == 0 && waiting.empty(); }
  };

  std::atomic<std::uint64_t> disk_free_{std::numeric_limits<std::uint64_t>::max()};
  std::mutex mutex_;
  std::uint64_t kept_ = 0;                       // octets, over all hosts
  std::unordered_map<std::string, Host> hosts_;  // those that are not idle
};

}  // namespace cordon::proxy
