// One client of a Unix stream socket, read and written in lines. Every wait ends: by bytes, by the
// idle time-out, or by the stop event.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "wire/line_reader.h"

namespace cordon::proxy {

// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept;
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }

 private:
  int fd_;
};

class ControlConnection {
 public:
  // `stop_event` becomes readable when everything is to end; it must outlive this.
  ControlConnection(Descriptor socket, int stop_event, std::chrono::milliseconds idle_timeout,
                    std::size_t max_line);

  enum class Got : std::uint8_t { line, too_long, end };
  Got read_line(std::string& line);
  // Adds the LF. False: the client has gone, or takes nothing any more.
  bool write_line(std::string_view line);

  int socket() const { return socket_.get(); }

 private:
  bool wait_for(short event);

  Descriptor socket_;
  int stop_event_;
  std::chrono::milliseconds idle_timeout_;
  wire::LineReader lines_;
};

}  // namespace cordon::proxy
