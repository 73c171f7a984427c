// Where the simulated gateway can die. Every step of store and upstream passes a point before it
// and one after it; a run counts them, and the next run dies at one of them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace cordon::simulated {

// Thrown at the point where the gateway dies: it ends whatever was under way there.
struct Crash {};

// One run's points, in the order in which they were passed. One thread.
class CrashPoints {
 public:
  explicit CrashPoints(std::optional<std::size_t> crash_at = std::nullopt) : crash_at_(crash_at) {}

  void pass(std::string step) {
    if (!counting_) return;
    passed_.push_back(std::move(step));
    if (passed_.size() - 1 == crash_at_) {
      counting_ = false;
      throw Crash{};
    }
  }
  void stop_counting() { counting_ = false; }  // no crash comes any more
  const std::vector<std::string>& passed() const { return passed_; }

 private:
  std::optional<std::size_t> crash_at_;
  std::vector<std::string> passed_;
  bool counting_ = true;
};

}  // namespace cordon::simulated
