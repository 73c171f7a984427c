// One attempt to deliver one claimed message: reads it, hands it to its upstream, records each
// recipient's fate, and bounces what failed for good. Owns itself until it calls its committer's
// ended().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "proxy/committer.h"

namespace cordon::proxy {

class Delivery : public std::enable_shared_from_this<Delivery> {
 public:
  Delivery(Committer& committer, store::MessageId id, Lane lane)
      : committer_(committer), id_(id), lane_(lane) {}
  void start();

 private:
  using Give = std::function<void(bool ok, std::string_view bytes, bool last)>;

  void on_read(std::optional<store::MessageView> view);
  void next_piece(const Give& give);
  void on_piece(const Give& give, const std::string& piece);
  bool pass_gate();
  void on_done(const std::vector<smtp::RecipientResult>& results, bool in_doubt, bool stopped);
  void record(store::RecordAttempt attempt, bool any_pending, bool in_doubt);
  void read_header(const std::function<void()>& then);
  void bounce(store::Batch& batch, const store::RecordAttempt& attempt);
  void submit(store::Batch batch, std::optional<store::Uptime> due);  // nullopt: settled
  void on_recorded(const std::shared_ptr<store::Batch>& batch, std::optional<store::Uptime> due,
                   const store::Answer& answer);
  void put_back(store::Batch batch, store::Uptime due);
  std::optional<store::Uptime> next_try(store::Uptime now);

  Committer& committer_;
  store::MessageId id_;
  Lane lane_;
  store::MessageView view_;
  std::vector<std::size_t> which_;
  std::vector<store::RecordAttempt::Result> suppressed_;
  std::string first_;  // all of the content, read with the envelope; empty: not so
  std::string piece_;
  std::uint64_t offset_ = 0;
  bool trace_sent_ = false;
  std::string header_;  // the front of the content, for a bounce; bounded
  bool header_asked_ = false;
  std::optional<store::MessageId> notice_;
};

}  // namespace cordon::proxy
