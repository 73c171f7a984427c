// How many messages a second the store accepts:
//   store_bench [--directory DIR] [--seconds N] [--checkpoint-pages N] [--inline OCTETS]
//               [--held N] [--load OUTSTANDING,OCTETS]...
// Each of the outstanding clients submits its next message when the last one is answered; content
// longer than a piece goes in piece by piece, each when the one before is answered, as a session
// does it. Waits are those of the Accept alone: from the final dot to the 250. With --held,
// messages are deleted so that this many are there at most, as in a gateway whose mail also leaves.
#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <mutex>

#include <sys/resource.h>

#include "store/sqlite_store.h"

namespace {

using namespace cordon::store;
using Clock = std::chrono::steady_clock;

struct Load {
  int outstanding;
  std::size_t octets;
};

struct Settings {
  SqliteOptions store;
  std::chrono::seconds length{5};
  std::size_t held = 0;  // 0: nothing is deleted
  std::vector<Load> loads;
};

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) { return double(t.tv_sec) + double(t.tv_usec) / 1e6; };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

class Run {
 public:
  Run(Store& store, Load load, const Settings& settings)
      : store_(store),
        load_(load),
        held_(settings.held),
        end_(Clock::now() + settings.length),
        content_(load.octets, 'x') {}

  double accepts_per_second() {
    const auto begin = Clock::now();
    for (int client = 0; client < load_.outstanding; ++client) next();
    std::unique_lock lock(mutex_);
    finished_.wait(lock, [this] { return done_clients_ == load_.outstanding; });
    const std::chrono::duration<double> length = Clock::now() - begin;
    return static_cast<double>(waits_.size()) / length.count();
  }

  std::size_t accepted() const { return waits_.size(); }
  double percentile(double share) {
    std::sort(waits_.begin(), waits_.end());
    return waits_.empty() ? 0 : waits_[static_cast<std::size_t>(share * double(waits_.size() - 1))];
  }

 private:
  void next() { append(store_.next_message_id(), 0); }

  void append(MessageId id, std::uint32_t piece) {
    const std::size_t left = content_.size() - std::size_t{piece} * max_body_piece;
    if (left <= max_body_piece) return accept(id, piece, left);
    Batch batch;
    batch.push_back(AppendBody{id, piece, std::string(max_body_piece, 'x')});
    store_.submit(std::move(batch), [this, id, piece](const Answer& answer) {
      check(answer);
      append(id, piece + 1);
    });
  }

  void accept(MessageId id, std::uint32_t piece, std::size_t octets) {
    Accept accept;
    accept.message.id = id;
    accept.message.origin = the_gateway;
    accept.message.listener = "submission";
    accept.message.session = "s-0123456789";
    accept.message.trace = std::string(162, 't');
    accept.message.subject = "A subject of usual length";
    accept.message.message_id = "<0123456789abcdef@client.example.org>";
    accept.message.envelope.sender = {false, {"sender", "client.example.org"}};
    accept.message.envelope.recipients = {{{"recipient", "Example.net"}, 0, ""}};
    accept.message.octets = content_.size();
    accept.piece = piece;
    accept.bytes = content_.substr(0, octets);
    Batch batch;
    batch.push_back(std::move(accept));
    store_.submit(std::move(batch), [this, id, begin = Clock::now()](const Answer& answer) {
      check(answer);
      accepted(id, begin);
    });
  }

  static void check(const Answer& answer) {
    if (answer.ok()) return;
    std::fprintf(stderr, "store_bench: %s\n", answer.detail.c_str());
    std::exit(1);
  }

  void accepted(MessageId id, Clock::time_point begin) {
    const auto now = Clock::now();
    Batch deletions;
    {
      const std::lock_guard lock(mutex_);
      waits_.push_back(std::chrono::duration<double, std::milli>(now - begin).count());
      ids_.push_back(id);
      if (held_ > 0 && ids_.size() > held_) {
        deletions.push_back(DeleteMessage{ids_.front()});
        ids_.pop_front();
      }
    }
    if (!deletions.empty()) store_.submit(std::move(deletions), check);
    if (now < end_) return next();
    const std::lock_guard lock(mutex_);
    ++done_clients_;
    finished_.notify_all();
  }

  Store& store_;
  const Load load_;
  const std::size_t held_;
  const Clock::time_point end_;
  const std::string content_;
  std::mutex mutex_;
  std::condition_variable finished_;
  std::vector<double> waits_;  // milliseconds
  std::deque<MessageId> ids_;
  int done_clients_ = 0;
};

std::uintmax_t kib(const std::filesystem::path& file) {
  std::error_code missing;
  const auto octets = std::filesystem::file_size(file, missing);
  return missing ? 0 : octets / 1024;
}

void measure(const Settings& settings, Load load) {
  const auto& directory = settings.store.directory;
  std::filesystem::remove_all(directory);
  const auto store = open_sqlite_store(settings.store);
  const double before = cpu_seconds();
  Run run(*store, load, settings);
  const double rate = run.accepts_per_second();
  const double cpu = (cpu_seconds() - before) * 1e6 / static_cast<double>(run.accepted());
  std::printf("%12d %8zu %12.0f %9.2f %9.2f %9.1f %10ju %10ju\n", load.outstanding, load.octets,
              rate, run.percentile(0.5), run.percentile(0.99), cpu,
              kib(directory / "cordon.db-wal"), kib(directory / "cordon.slots"));
  std::fflush(stdout);
}

Settings read(int argc, char** argv) {
  Settings settings;
  settings.store.directory = "store_bench.d";
  for (int at = 1; at + 1 < argc; at += 2) {
    const std::string_view option = argv[at];
    const char* value = argv[at + 1];
    const auto number = std::strtoull(value, nullptr, 10);
    if (option == "--directory") settings.store.directory = value;
    if (option == "--seconds") settings.length = std::chrono::seconds(number);
    if (option == "--checkpoint-pages") {
      settings.store.checkpoint_pages = static_cast<std::uint32_t>(number);
    }
    if (option == "--inline") settings.store.inline_max = number;
    if (option == "--held") settings.held = number;
    if (option == "--load") {
      const char* octets = std::strchr(value, ',');
      if (octets == nullptr) continue;
      settings.loads.push_back({static_cast<int>(number), std::strtoull(octets + 1, nullptr, 10)});
    }
  }
  if (!settings.loads.empty()) return settings;
  for (const std::size_t octets : {4096, 16384, 32768, 65536, 131072, 1048576}) {
    for (const int outstanding : {1, 20, 100}) settings.loads.push_back({outstanding, octets});
  }
  return settings;
}

}  // namespace

int main(int argc, char** argv) {
  const Settings settings = read(argc, argv);
  std::printf("%12s %8s %12s %9s %9s %9s %10s %10s\n", "outstanding", "octets", "accepts/s",
              "p50 ms", "p99 ms", "us CPU", "log KiB", "slots KiB");
  for (const Load load : settings.loads) measure(settings, load);
  std::filesystem::remove_all(settings.store.directory);
}
