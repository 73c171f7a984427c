// Reads of the store, off the event threads: a few threads, each with a Reader of its own.
#pragma once

#include <memory>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include "proxy/log.h"
#include "store/store.h"

namespace cordon::proxy {

class ReaderPool {
 public:
  ReaderPool(store::Store& store, std::size_t threads) : store_(store), pool_(threads) {}
  ~ReaderPool() { stop(); }
  // Does what was posted, and no more.
  void stop() {
    pool_.join();
    idle_.clear();
  }

  // Calls `job(store::Reader&)` on a thread of the pool. If the store cannot be read (a Reader
  // throws), `failed()` is called there instead of the rest of it.
  template <typename Job, typename Failed>
  void post(Job job, Failed failed) {
    boost::asio::post(pool_, [this, job = std::move(job), failed = std::move(failed)]() mutable {
      try {
        auto reader = take();
        job(*reader);
        give(std::move(reader));
      } catch (const std::runtime_error& fault) {
        log::error("store.unreadable", {{"why", fault.what()}});
        failed();
      }
    });
  }

 private:
  std::unique_ptr<store::Reader> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto reader = std::move(idle_.back());
        idle_.pop_back();
        return reader;
      }
    }
    return store_.reader();
  }
  void give(std::unique_ptr<store::Reader> reader) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(reader));
  }

  store::Store& store_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<store::Reader>> idle_;
  boost::asio::thread_pool pool_;
};

}  // namespace cordon::proxy
