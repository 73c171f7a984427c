// How many messages a second the store accepts:
//   store_bench [DIRECTORY [SECONDS [CHECKPOINT_PAGES]]]
// Each of N outstanding clients submits its next message when the last one is answered.
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "store/sqlite_store.h"

namespace {

using namespace cordon::store;
using Clock = std::chrono::steady_clock;

struct Load {
  int outstanding;
  std::size_t octets;
};

class Run {
 public:
  Run(Store& store, Load load, std::chrono::seconds length)
      : store_(store), load_(load), end_(Clock::now() + length), content_(load.octets, 'x') {}

  double accepts_per_second() {
    const auto begin = Clock::now();
    for (int client = 0; client < load_.outstanding; ++client) next(client);
    std::unique_lock lock(mutex_);
    finished_.wait(lock, [this] { return done_clients_ == load_.outstanding; });
    const std::chrono::duration<double> length = Clock::now() - begin;
    return static_cast<double>(accepted_) / length.count();
  }

  double percentile(double share) {
    std::sort(waits_.begin(), waits_.end());
    return waits_.empty() ? 0 : waits_[static_cast<std::size_t>(share * double(waits_.size() - 1))];
  }

 private:
  void next(int client) {
    Accept accept;
    accept.message.id = store_.next_message_id();
    accept.message.origin = the_gateway;
    accept.message.listener = "submission";
    accept.message.session = "s-0123456789";
    accept.message.trace = std::string(162, 't');
    accept.message.subject = "A subject of usual length";
    accept.message.message_id = "<0123456789abcdef@client.example.org>";
    accept.message.envelope.sender = {false, {"sender", "client.example.org"}};
    accept.message.envelope.recipients = {{{"recipient", "Example.net"}, 0, ""}};
    accept.message.octets = content_.size();
    accept.bytes = content_;
    Batch batch;
    batch.push_back(std::move(accept));
    store_.submit(std::move(batch), [this, client, begin = Clock::now()](const Answer& answer) {
      answered(client, begin, answer);
    });
  }

  void answered(int client, Clock::time_point begin, const Answer& answer) {
    if (!answer.ok()) {
      std::fprintf(stderr, "store_bench: %s\n", answer.detail.c_str());
      std::exit(1);
    }
    const auto now = Clock::now();
    ++accepted_;
    waits_.push_back(std::chrono::duration<double, std::milli>(now - begin).count());
    if (now < end_) {
      next(client);
      return;
    }
    const std::lock_guard lock(mutex_);
    ++done_clients_;
    finished_.notify_all();
  }

  Store& store_;
  const Load load_;
  const Clock::time_point end_;
  const std::string content_;
  std::vector<double> waits_;   // milliseconds; writer thread only, until the end
  std::uint64_t accepted_ = 0;  // likewise
  std::mutex mutex_;
  std::condition_variable finished_;
  int done_clients_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::filesystem::path directory = argc > 1 ? argv[1] : "store_bench.d";
  const std::chrono::seconds length(argc > 2 ? std::atoi(argv[2]) : 5);
  std::printf("%12s %8s %12s %9s %9s %10s\n", "outstanding", "octets", "accepts/s", "p50 ms",
              "p99 ms", "log KiB");
  for (const Load load : {Load{1, 4096}, Load{20, 4096}, Load{100, 4096}, Load{20, 65536}}) {
    std::filesystem::remove_all(directory);
    SqliteOptions options;
    options.directory = directory;
    if (argc > 3) options.checkpoint_pages = static_cast<std::uint32_t>(std::atoi(argv[3]));
    const auto store = open_sqlite_store(options);
    Run run(*store, load, length);
    const double rate = run.accepts_per_second();
    const auto log = std::filesystem::file_size(directory / "cordon.db-wal") / 1024;
    std::printf("%12d %8zu %12.0f %9.2f %9.2f %10ju\n", load.outstanding, load.octets, rate,
                run.percentile(0.5), run.percentile(0.99), std::uintmax_t{log});
    std::fflush(stdout);
  }
  std::filesystem::remove_all(directory);
}
