#include "proxy/content_source.h"

#include <utility>

#include <boost/asio/post.hpp>

namespace cordon::proxy {

ContentSource::ContentSource(boost::asio::io_context& context, ReaderPool& readers,
                             const store::Message& message,
                             std::shared_ptr<const std::string> whole)
    : context_(context),
      readers_(readers),
      id_(message.id),
      octets_(message.octets),
      whole_(std::move(whole)),
      front_(message.trace) {}

void ContentSource::next(Give give) {
  if (whole_)
    return boost::asio::post(context_, [self = shared_from_this(), give = std::move(give)] {
      self->on_piece(give, *self->whole_);
    });
  readers_.post(
      [self = shared_from_this(), give](store::Reader& reader) {
        std::string piece(store::max_body_piece, '\0');
        piece.resize(reader.body(self->id_, self->offset_, piece));
        boost::asio::post(self->context_,
                          [self, give, piece = std::move(piece)] { self->on_piece(give, piece); });
      },
      [self = shared_from_this(), give] {
        boost::asio::post(self->context_, [give] { give(false, {}, false); });
      });
}

void ContentSource::on_piece(const Give& give, const std::string& piece) {
  offset_ += piece.size();
  const bool last = offset_ >= octets_;
  const std::string bytes = std::exchange(front_, {}) + piece;
  give(!piece.empty() || last, bytes, last);
}

}  // namespace cordon::proxy
