// The octets of one stored message in the order in which they leave: its Received field, then the
// content, piece by piece. Each reader of a message has a source of its own. On one io_context; a
// piece is read on the reader pool.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "proxy/reader_pool.h"
#include "store/store.h"

namespace cordon::proxy {

class ContentSource : public std::enable_shared_from_this<ContentSource> {
 public:
  // `whole`: all of the content if it was read already, else null.
  ContentSource(boost::asio::io_context& context, ReaderPool& readers,
                const store::Message& message, std::shared_ptr<const std::string> whole);
  // The next piece, once, on the io_context and never from within the call; it is valid until
  // `give` returns. `ok` false: the store could not be read. Not again before it was given.
  using Give = std::function<void(bool ok, std::string_view bytes, bool last)>;
  void next(Give give);

 private:
  void on_piece(const Give& give, const std::string& piece);

  boost::asio::io_context& context_;
  ReaderPool& readers_;
  const store::MessageId id_;
  const std::uint64_t octets_;
  const std::shared_ptr<const std::string> whole_;
  std::string front_;  // the trace field, until it was given
  std::uint64_t offset_ = 0;
};

}  // namespace cordon::proxy
