// The line to cordond: asks one thing at a time and hands on the rows of the answer.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "wire/line_reader.h"
#include "wire/reply.h"

namespace cordon::ctl {

// How an answer ended.
struct Outcome {
  std::optional<wire::ErrorReply> error;
  std::string lost;  // not empty: cordond went away, or spoke something else
  wire::End end;
  bool ok() const { return !error && lost.empty(); }
};

using RowHandler = std::function<void(const wire::Row&)>;

class Asked {
 public:
  virtual ~Asked() = default;
  // The request's id is set here.
  virtual Outcome ask(wire::Request request, const RowHandler& each) = 0;
};

class Connection : public Asked {
 public:
  // Null if cordond cannot be reached or does not let us in; `trouble` says which.
  static std::unique_ptr<Connection> open(const std::string& path, Outcome& trouble);
  ~Connection() override;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Outcome ask(wire::Request request, const RowHandler& each) override;

 private:
  explicit Connection(int fd) : fd_(fd), lines_(wire::max_reply_line) {}
  bool send(std::string_view line);
  std::optional<wire::Reply> receive(std::string& trouble);

  int fd_;
  std::int64_t last_id_ = 0;
  wire::LineReader lines_;
};

}  // namespace cordon::ctl
