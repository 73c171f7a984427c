// What the sink took: files if a directory was named, and the counts. All threads share one.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <set>
#include <string>

#include "bench/sink_options.h"
#include "smtp/envelope.h"

namespace cordon::bench {

class Mailbag {
 public:
  explicit Mailbag(const SinkOptions& options) : options_(options) {}

  // Whether keep() looks at the content, so that it must be gathered.
  bool wants_content() const { return !options_.dir.empty(); }
  // False if it could not be written. `octets` is the size of the content.
  bool keep(const smtp::Envelope& envelope, const std::string& content, std::uint64_t octets);
  // Whether nobody asked for this recipient yet.
  bool first_try(const std::string& recipient);

  // "messages N octets M".
  std::string counts() const;

 private:
  bool write_files(const smtp::Envelope& envelope, const std::string& content, const char* name);
  void print(const smtp::Envelope& envelope, std::uint64_t octets, const char* name);

  const SinkOptions& options_;
  std::atomic<unsigned> numbered_ = 0;
  std::atomic<std::uint64_t> messages_ = 0;
  std::atomic<std::uint64_t> octets_ = 0;
  std::mutex mutex_;  // for what follows, and for lines not to mix
  std::set<std::string> tried_;
};

}  // namespace cordon::bench
