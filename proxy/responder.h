// Carries out what recovery decided: makes it durable, tells the operators, has recipients warned.
// The cordon itself stands in memory before anything here begins; if it cannot be stored, all
// commits stop until it is. Any thread, but for start() and tick().
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <mutex>
#include <unordered_map>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "cordon/recovery.h"
#include "proxy/gateway.h"
#include "proxy/reader_pool.h"
#include "proxy/warner.h"

namespace cordon::proxy {

class Responder {
 public:
  Responder(boost::asio::io_context& context, Gateway& gateway, ReaderPool& readers);

  // Takes up what a former run left open: claims in doubt, alerts not told, warnings not written.
  void start();
  void stop();

  void carry_out(const Recovered& recovered);
  // The cordon was a mistake by the safety rules: an automatic reply raised it.
  void withdraw(const store::Alert& alert, const Recovery::Downgraded& downgraded);
  // The transaction that raised the alert is over: its response is final.
  void settle(store::AlertId alert);
  // Submits control state that must not be lost, again and again until it is stored. While any such
  // batch is not, nothing is committed. Batches keep their order. May be called under policy's
  // lock.
  void keep_trying(store::Batch batch, std::function<void()> stored = {});

 private:
  struct Owed {
    store::Batch batch;
    std::function<void()> stored;
    bool on_its_way = false;
  };
  // An alert that the operators are not told of yet, and when they are to be.
  struct Open {
    store::Alert alert;
    std::chrono::steady_clock::time_point due;
  };
  using Place = std::list<Owed>::iterator;
  void send(Place owed);  // with mutex_ held
  void on_answer(Place owed, const store::Answer& answer);
  bool failed(Place owed, const store::Answer& answer);  // with mutex_ held
  void retry_later();
  bool keep_reserve();
  void send_all();  // with mutex_ held
  void tick();
  void tell_operators(const store::Alert& alert);
  void tell_later(const store::Alert& alert);
  void count_hits();
  void count_past(const store::Cordon& cordon);

  boost::asio::io_context& context_;
  Gateway& gateway_;
  ReaderPool& readers_;
  Warner warner_;
  boost::asio::steady_timer timer_;
  std::mutex mutex_;
  std::list<Owed> owed_;  // in the order of their submission
  bool retry_set_ = false;
  bool failing_ = false;
  bool reserve_owed_ = false;  // it was given up, and not all of it could be taken again
  bool stopping_ = false;
  std::map<store::AlertId, Open> open_;
  std::map<std::pair<store::AlertId, store::BaitId>, std::uint64_t> hits_;
};

}  // namespace cordon::proxy
