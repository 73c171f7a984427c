#include "proxy/incoming_body.h"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <openssl/evp.h>

namespace cordon::proxy {

namespace {

// Fetched once: looking an algorithm up costs more than hashing a short message (OpenSSL 3,
// crypto(7), "Performance").
const EVP_MD* sha256() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

}  // namespace

IncomingBody::IncomingBody(Gateway& gateway, boost::asio::io_context& context, std::string host,
                           const Settings::Limits& limits, std::function<void()> resume)
    : gateway_(gateway),
      context_(context),
      host_(std::move(host)),
      memory_limit_(limits.content_memory),
      min_free_disk_(limits.min_free_disk),
      resume_(std::move(resume)),
      id_(gateway.store().next_message_id()),
      header_(gateway.config()->hostname()),
      digest_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
  EVP_DigestInit_ex(digest_.get(), sha256(), nullptr);
}

IncomingBody::~IncomingBody() { gateway_.intake().release(host_, kept_); }

bool IncomingBody::feed(std::string_view bytes) {
  if (failed_) return true;
  if (!gateway_.intake().keep(host_, bytes.size(), memory_limit_)) {
    fail();
    return true;
  }
  kept_ += bytes.size();
  octets_ += bytes.size();
  header_.feed(bytes);
  EVP_DigestUpdate(digest_.get(), bytes.data(), bytes.size());
  while (!bytes.empty()) {
    // Not before there is more: the last piece goes with the envelope, also if it is a full one.
    if (bytes_.size() == store::max_body_piece) {
      if (!gateway_.intake().disk_has_room(bytes_.size(), min_free_disk_)) {
        fail();
        return true;
      }
      give_piece();
    }
    const auto taken = std::min(store::max_body_piece - bytes_.size(), bytes.size());
    // Strings grow by doubling, which for the last step of a large piece would be too much.
    if (bytes_.size() + taken > store::max_body_piece / 4) bytes_.reserve(store::max_body_piece);
    bytes_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
  }
  return !on_the_way_;
}

// At most once a feed(): the carrier reads no more than a piece at a time.
void IncomingBody::give_piece() {
  on_the_way_ = true;
  gateway_.intake().spend_disk(bytes_.size());
  full_ = std::exchange(bytes_, {});
  const auto go = [self = shared_from_this()] {
    boost::asio::post(self->context_, [self] { self->submit_piece(); });
  };
  if (gateway_.intake().take_turn(host_, full_.size(), go)) submit_piece();
}

void IncomingBody::submit_piece() {
  turn_ = full_.size();
  if (dropped_) return answered();
  store::Batch batch;
  batch.push_back(store::AppendBody{id_, pieces_++, std::exchange(full_, {})});
  gateway_.store().submit(std::move(batch), [self = shared_from_this()](const store::Answer& a) {
    boost::asio::post(self->context_, [self, stored = a.ok()] { self->on_piece(stored); });
  });
}

void IncomingBody::on_piece(bool stored) {
  const std::size_t octets = turn_;
  answered();
  on_the_way_ = false;
  if (dropped_) return;
  kept_ -= octets;
  gateway_.intake().release(host_, octets);
  if (!stored) fail();
  resume_();
}

void IncomingBody::fail() {
  failed_ = true;
  kept_ -= bytes_.size();
  gateway_.intake().release(host_, bytes_.size());
  std::string().swap(bytes_);
}

bool IncomingBody::take_turn(std::function<void()> go) {
  turn_ = bytes_.size();
  return gateway_.intake().take_turn(
      host_, turn_, [this, go = std::move(go)] { boost::asio::post(context_, go); });
}

Submission IncomingBody::complete() {
  Submission submission{.id = id_,
                        .last_piece = pieces_,
                        .last_bytes = std::move(bytes_),
                        .octets = octets_,
                        .facts = header_.facts()};
  EVP_DigestFinal_ex(digest_.get(), submission.digest.data(), nullptr);
  return submission;
}

void IncomingBody::answered() { gateway_.intake().end_turn(host_, std::exchange(turn_, 0)); }

void IncomingBody::drop() {
  dropped_ = true;
  if (pieces_ == 0) return;
  store::Batch batch;
  batch.push_back(store::DropBody{id_});
  gateway_.store().submit(std::move(batch), [](const store::Answer&) {});
}

}  // namespace cordon::proxy
