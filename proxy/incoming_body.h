// The content of the message that a session is taking in: gathers it into pieces, gives full ones
// to the store one at a time, and learns on the way what acceptance needs. Belongs to one session
// and its worker's thread; what it waits for is posted there.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <boost/asio/io_context.hpp>

#include "proxy/gateway.h"
#include "smtp/notice/header_scan.h"

typedef struct evp_md_ctx_st EVP_MD_CTX;

namespace cordon::proxy {

class IncomingBody : public std::enable_shared_from_this<IncomingBody> {
 public:
  // `resume` is called on `context`, whose thread the body lives on, when a piece that feed() waits
  // for has been stored. `host`: whose share of the way into the store it takes.
  IncomingBody(Gateway& gateway, boost::asio::io_context& context, std::string host,
               const Settings::Limits& limits, std::function<void()> resume);
  ~IncomingBody();
  IncomingBody(const IncomingBody&) = delete;
  IncomingBody& operator=(const IncomingBody&) = delete;

  store::MessageId id() const { return id_; }
  std::uint64_t octets() const { return octets_; }
  // Something of it could not be kept: it cannot become a message. What follows is passed over.
  bool failed() const { return failed_; }

  // How much to read for feed(); in octets, never 0. What fits the piece at hand; only a little if
  // that is full, since a session that waits for its turn then holds hardly more than the piece.
  std::size_t room() const {
    const std::size_t left = store::max_body_piece - bytes_.size();
    return left != 0 ? left : first_look;
  }
  // False: no more before `resume`.
  bool feed(std::string_view bytes);
  // All is in, and nothing is on its way. True: complete() may follow at once; false: `go` is
  // called on the context when it may.
  bool take_turn(std::function<void()> go);
  // The parts of a submission that come of the content. Once.
  Submission complete();
  // The answer to the submission has come: ends the turn.
  void answered();
  // It will not become a message: what the store has of it goes.
  void drop();

 private:
  static constexpr std::size_t first_look = 4096;  // octets

  void give_piece();
  void submit_piece();
  void on_piece(bool stored);
  void fail();

  Gateway& gateway_;
  boost::asio::io_context& context_;
  const std::string host_;
  const std::uint64_t memory_limit_;   // octets, of the content of all messages together
  const std::uint64_t min_free_disk_;  // octets
  const std::function<void()> resume_;
  const store::MessageId id_;
  std::string bytes_;         // the piece at hand, at most max_body_piece
  std::string full_;          // the piece that waits for its turn
  std::uint32_t pieces_ = 0;  // given to the store
  std::uint64_t octets_ = 0;  // in all
  std::size_t kept_ = 0;      // octets counted as in memory
  std::size_t turn_ = 0;      // octets of the turn that is had
  bool on_the_way_ = false;   // a piece is waiting or being stored
  bool failed_ = false;
  bool dropped_ = false;
  notice::HeaderScan header_;
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> digest_;
};

}  // namespace cordon::proxy
