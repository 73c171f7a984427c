#include "smtp/reply.h"

#include <doctest/doctest.h>

#include "smtp/reply_reader.h"
#include "smtp/upstream_offer.h"

namespace cordon::smtp {
namespace {

std::string wire(const Reply& reply) {
  std::string out;
  append_wire(out, reply);
  return out;
}

std::optional<Reply> read(std::string_view octets) {
  ReplyReader reader(1000);
  reader.input(octets);
  return reader.take();
}

bool faulty(std::string_view octets) {
  ReplyReader reader(1000);
  reader.input(octets);
  while (reader.take()) {
  }
  return reader.faulty();
}

TEST_CASE("a reply is written with its codes on each line") {
  CHECK(wire({250, {2, 1, 0}, "Ok"}) == "250 2.1.0 Ok\r\n");
  CHECK(wire({250, {}, "a\nb\nc"}) == "250-a\r\n250-b\r\n250 c\r\n");
  CHECK(wire({550, {5, 7, 1}, "a\nb"}) == "550-5.7.1 a\r\n550 5.7.1 b\r\n");
  CHECK(wire({250, {}, ""}) == "250\r\n");
  CHECK(wire({250, {2, 0, 0}, ""}) == "250 2.0.0\r\n");
}

TEST_CASE("no octet of the text can break a reply open") {
  CHECK(wire({550, {}, std::string("a\rb\tc\0d\x7F", 8)}) == "550 a?b?c?d?\r\n");
}

TEST_CASE("reply lines are cut at 512 octets, and not inside a character") {
  CHECK(wire({550, {5, 0, 0}, std::string(600, 'x')}).size() == 512);
  const std::string text = std::string(505, 'x') + "\xC3\xBC";  // would end at octet 511 + CRLF
  CHECK(wire({550, {}, text}) == "550 " + std::string(505, 'x') + "\r\n");
}

TEST_CASE("one line tells a reply to people") {
  CHECK(Reply{550, {5, 1, 1}, "no\nsuch user"}.one_line() == "550 5.1.1 no such user");
  CHECK(Reply{421, {}, ""}.one_line() == "421");
  CHECK(Reply{421, {}, std::string(5000, 'x')}.one_line().size() < 600);
}

TEST_CASE("a reply is read back as it was written") {
  for (const Reply& reply : {Reply{250, {2, 1, 0}, "Ok"}, Reply{451, {}, "later\nmuch later"},
                             Reply{550, {5, 7, 26}, "a\n\nb"}, Reply{354, {}, ""}}) {
    CHECK(read(wire(reply)) == reply);
  }
}

TEST_CASE("an enhanced code is one only if its class fits") {
  CHECK(read("250 5.1.0 x\r\n")->text == "5.1.0 x");
  CHECK(read("550 5.1 x\r\n")->text == "5.1 x");
  CHECK(read("550 5.1.1000 x\r\n")->text == "5.1.1000 x");
  CHECK(read("550 5.1.1\r\n") == Reply{550, {5, 1, 1}, ""});
  CHECK(read("220 2.example mail\r\n")->text == "2.example mail");
}

TEST_CASE("replies may come in any pieces and several at once") {
  const std::string octets = "250-a\r\n250 b\r\n550 5.0.0 c\r\n";
  for (std::size_t chunk = 1; chunk <= octets.size(); ++chunk) {
    ReplyReader reader(100);
    std::vector<Reply> got;
    for (std::size_t at = 0; at < octets.size(); at += chunk) {
      reader.input(std::string_view(octets).substr(at, chunk));
      while (auto reply = reader.take()) got.push_back(*reply);
    }
    CHECK(got == std::vector<Reply>{{250, {}, "a\nb"}, {550, {5, 0, 0}, "c"}});
    CHECK(reader.held() == 0);
  }
}

TEST_CASE("what is no reply is a fault, not a guess") {
  for (const std::string_view bad :
       {"hello\r\n", "25 x\r\n", "150 x\r\n", "600 x\r\n", "250x\r\n", "\r\n", "250 x\n", "25\r\n",
        "250-a\r\n251 b\r\n", "250-a\r\nb\r\n", "SSH-2.0-OpenSSH\r\n"}) {
    CAPTURE(bad);
    CHECK(faulty(bad));
  }
  CHECK_FALSE(faulty("250 x\r"));
}

TEST_CASE("a reply without end is cut off") {
  CHECK(faulty("250 " + std::string(1000, 'x')));
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += "250-x\r\n";
  CHECK_FALSE(faulty(lines));
  for (int i = 0; i < 100; ++i) lines += "250-x\r\n";
  CHECK(faulty(lines));
}

TEST_CASE("control characters of a server do not reach logs and senders") {
  CHECK(read("550 a\x1B[2Jb\r\n")->text == "a?[2Jb");
}

TEST_CASE("an offer is read from the reply to EHLO") {
  UpstreamOffer offer;
  read_offer(
      "mx.example greets\nPIPELINING\nsize 1000\n8bitmime\nSMTPUTF8\nDSN\nCHUNKING\nSTARTTLS\n"
      "ENHANCEDSTATUSCODES\nX-OTHER 1",
      offer);
  CHECK((offer.esmtp && offer.pipelining && offer.eight_bit_mime && offer.smtputf8 && offer.dsn));
  CHECK((offer.chunking && offer.starttls && offer.enhanced_status && offer.size));
  CHECK(offer.max_size == 1000);
  UpstreamOffer bare;
  read_offer("PIPELINING", bare);  // the greeting line names nothing
  CHECK_FALSE(bare.pipelining);
  read_offer("mx\nSIZE", bare);
  CHECK((bare.size && bare.max_size == 0));
}

}  // namespace
}  // namespace cordon::smtp
