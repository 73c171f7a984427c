// Warns the recipients of what a cordoned origin had already sent (BESIDES 4.3, weak recovery).
// Works through the revocation records behind a durable cursor, in pieces, so that neither a crash
// nor a million records repeats or skips a warning. All on the back office's io_context.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "cordon/warning_plan.h"
#include "proxy/gateway.h"
#include "proxy/reader_pool.h"

namespace cordon::proxy {

class Warner {
 public:
  // `open` tells whether the transaction that raised an alert still goes on: until it has ended the
  // cordon may prove a mistake. Any thread.
  Warner(boost::asio::io_context& context, Gateway& gateway, ReaderPool& readers,
         std::function<bool(store::AlertId)> open)
      : context_(context), gateway_(gateway), readers_(readers), open_(std::move(open)) {}

  // At start: the cordons of former runs whose warnings are not all written.
  void take_up();
  // Begins when warning_delay has passed since the cordon was raised, the transaction that raised
  // it is over, and no message of the origin is between its gate and its stored result; but a
  // server without an answer is not waited for long: who is on the way there then is told that he
  // may have received it. Any thread.
  void watch(const store::Cordon& cordon);

 private:
  void wait(store::CordonId cordon, std::chrono::milliseconds time);
  void try_begin(store::CordonId cordon);
  void begin_in_doubt(store::CordonId cordon, const std::vector<store::MessageId>& leaving);
  void write_some(store::CordonId cordon);
  void try_later(store::CordonId cordon);

  boost::asio::io_context& context_;
  Gateway& gateway_;
  ReaderPool& readers_;
  std::function<bool(store::AlertId)> open_;
};

}  // namespace cordon::proxy
