// The answers are literal bytes (RFC 1035 4.1), sent by a name server on loopback.
#include "proxy/dns.h"

#include <array>
#include <optional>

#include <boost/asio/ip/udp.hpp>
#include <doctest/doctest.h>

#include "proxy/mail_hosts.h"

using namespace cordon::proxy;
using boost::asio::ip::udp;
using namespace std::string_literals;

namespace {

// Answers each question by what `answer` makes of it; nothing for an empty answer.
class NameServer {
 public:
  using Answer = std::function<std::string(const std::string& question)>;
  NameServer(boost::asio::io_context& context, Answer answer)
      : socket_(context, udp::endpoint(boost::asio::ip::address_v4::loopback(), 0)),
        answer_(std::move(answer)) {
    receive();
  }
  std::string address() const {
    return "127.0.0.1:" + std::to_string(socket_.local_endpoint().port());
  }
  int asked = 0;

 private:
  void receive() {
    socket_.async_receive_from(boost::asio::buffer(in_), from_,
                               [this](const auto& error, auto got) {
                                 if (error) return;
                                 ++asked;
                                 const std::string reply = answer_(std::string(in_.data(), got));
                                 if (!reply.empty())
                                   socket_.send_to(boost::asio::buffer(reply), from_);
                                 receive();
                               });
  }
  udp::socket socket_;
  Answer answer_;
  udp::endpoint from_;
  std::array<char, 512> in_{};
};

// The question with a header that says `flags` and `count` answers, and the answers behind it.
// An additional record (EDNS) of the question is left out.
std::string reply_to(const std::string& question, const std::string& flags, char count,
                     const std::string& answers) {
  const std::size_t name_end = question.find('\0', 12);
  std::string reply = question.substr(0, 2) + flags + "\x00\x01\x00"s + count +
                      "\x00\x00\x00\x00"s + question.substr(12, name_end + 5 - 12);
  return reply + answers;
}
const std::string fine = "\x81\x80"s;
const std::string no_such_name = "\x81\x83"s;
const std::string server_failed = "\x81\x82"s;

// Record of the name that was asked for (a pointer to octet 12), class IN, TTL 60.
std::string record(char type, const std::string& data) {
  return "\xC0\x0C\x00"s + type + "\x00\x01\x00\x00\x00\x3C\x00"s + static_cast<char>(data.size()) +
         data;
}
char type_of(const std::string& question) { return question[question.find('\0', 12) + 2]; }

struct MxOutcome {
  DnsStatus status{};
  std::vector<MxRecord> records;
};
MxOutcome ask_mx(const NameServer::Answer& answer, int tries = 3) {
  boost::asio::io_context context;
  NameServer server(context, answer);
  Dns dns(
      context,
      {.servers = {server.address()}, .timeout = std::chrono::milliseconds(50), .tries = tries});
  std::optional<MxOutcome> outcome;
  dns.mx("example.org", [&](DnsStatus status, std::vector<MxRecord> records) {
    outcome = {status, std::move(records)};
    context.stop();
  });
  CHECK_FALSE(outcome);  // never from within the question
  context.run();
  return outcome.value();
}

}  // namespace

TEST_CASE("MX records come as they are told") {
  const auto found = ask_mx([](const std::string& question) {
    return reply_to(question, fine, 2,
                    record(15,
                           "\x00\x14\x02"s
                           "mx\xC0\x0C"s) +
                        record(15,
                               "\x00\x0A\x01"s
                               "a\xC0\x0C"s));
  });
  CHECK(found.status == DnsStatus::found);
  CHECK(found.records.size() == 2);
  for (const MxRecord& wanted : {MxRecord{20, "mx.example.org"}, MxRecord{10, "a.example.org"}})
    CHECK(std::find(found.records.begin(), found.records.end(), wanted) != found.records.end());
}

TEST_CASE("a null MX is a record with an empty name") {
  const auto found = ask_mx([](const std::string& question) {
    return reply_to(question, fine, 1, record(15, "\x00\x00\x00"s));
  });
  CHECK(found.status == DnsStatus::found);
  CHECK(found.records == std::vector<MxRecord>{{0, ""}});
}

TEST_CASE("no record, no name and no answer are told apart") {
  const auto only = [](const std::string& flags) {
    return ask_mx([flags](const std::string& question) { return reply_to(question, flags, 0, ""); })
        .status;
  };
  CHECK(only(fine) == DnsStatus::no_data);
  CHECK(only(no_such_name) == DnsStatus::no_name);
  CHECK(only(server_failed) == DnsStatus::failed);
  CHECK(ask_mx([](const std::string&) { return ""s; }, 1).status == DnsStatus::failed);
}

TEST_CASE("a malformed answer is a failure, whatever it is") {
  CHECK(ask_mx([](const std::string& question) {
          return reply_to(question, fine, 1, record(15, "\x00\x0A\xC0"s));
        }).status == DnsStatus::failed);
}

TEST_CASE("a question is asked again when the answer is lost") {
  int asked = 0;
  const auto found = ask_mx([&](const std::string& question) {
    return ++asked == 1 ? ""s
                        : reply_to(question, fine, 1,
                                   record(15,
                                          "\x00\x0A\x01"s
                                          "a\xC0\x0C"s));
  });
  CHECK(found.status == DnsStatus::found);
  CHECK(asked == 2);
}

TEST_CASE("both families of addresses are found") {
  boost::asio::io_context context;
  NameServer server(context, [](const std::string& question) {
    if (type_of(question) == 1) return reply_to(question, fine, 1, record(1, "\xC0\x00\x02\x07"s));
    return reply_to(question, fine, 1,
                    record(28, "\x20\x01\x0D\xB8"s + std::string(11, '\0') + "\x07"s));
  });
  Dns dns(context, {.servers = {server.address()}});
  std::vector<std::string> found;
  dns.addresses("mx.example.org", [&](DnsStatus status, const auto& addresses) {
    CHECK(status == DnsStatus::found);
    for (const auto& address : addresses) found.push_back(address.to_string());
    context.stop();
  });
  context.run();
  CHECK(found == std::vector<std::string>{"2001:db8::7", "192.0.2.7"});
}

TEST_CASE("one family that fails is no proof that there is no address") {
  for (const int failing : {1, 28}) {
    boost::asio::io_context context;
    NameServer server(context, [&](const std::string& question) {
      return reply_to(question, type_of(question) == failing ? server_failed : fine, 0, "");
    });
    Dns dns(context, {.servers = {server.address()}, .timeout = std::chrono::milliseconds(50)});
    DnsStatus told{};
    dns.addresses("mx.example.org", [&](DnsStatus status, const auto&) {
      told = status;
      context.stop();
    });
    context.run();
    CHECK(told == DnsStatus::failed);
  }
}

TEST_CASE("a literal is answered without a question") {
  boost::asio::io_context context;
  NameServer server(context, [](const std::string&) { return ""s; });
  Dns dns(context, {.servers = {server.address()}});
  MailHosts hosts(dns, "gate.example");
  MailHostsFound found;
  hosts.find("[IPv6:2001:db8::1]", 25, [&](MailHostsFound given) {
    found = std::move(given);
    context.stop();
  });
  context.run();
  CHECK(server.asked == 0);
  REQUIRE(std::holds_alternative<std::vector<MailHost>>(found));
  CHECK(std::get<std::vector<MailHost>>(found) ==
        std::vector<MailHost>{{"2001:db8::1", "2001:db8::1"}});
}

TEST_CASE("hosts come in the order of their exchangers") {
  boost::asio::io_context context;
  NameServer server(context, [](const std::string& question) {
    if (type_of(question) == 15)
      return reply_to(question, fine, 2,
                      record(15,
                             "\x00\x14\x01"s
                             "b\xC0\x0C"s) +
                          record(15,
                                 "\x00\x0A\x01"s
                                 "a\xC0\x0C"s));
    if (type_of(question) == 28) return reply_to(question, fine, 0, "");
    // "a" (octet 13) has 192.0.2.97, "b" 192.0.2.98
    return reply_to(question, fine, 1, record(1, "\xC0\x00\x02"s + question[13]));
  });
  Dns dns(context, {.servers = {server.address()}});
  MailHosts hosts(dns, "gate.example");
  MailHostsFound found;
  hosts.find("example.org", 25, [&](MailHostsFound given) {
    found = std::move(given);
    context.stop();
  });
  context.run();
  REQUIRE(std::holds_alternative<std::vector<MailHost>>(found));
  CHECK(std::get<std::vector<MailHost>>(found) ==
        std::vector<MailHost>{{"a.example.org", "192.0.2.97"}, {"b.example.org", "192.0.2.98"}});
}

// example.org has the exchangers a (10), b (20), c (30), with 192.0.2.97 to 99; no other domain
// any.
std::string three_exchangers(const std::string& question) {
  const bool of_domain = question.find(
                             "\x07"
                             "example\x03org") == 12;
  if (type_of(question) == 15 && of_domain)
    return reply_to(question, fine, 3,
                    record(15,
                           "\x00\x14\x01"s
                           "b\xC0\x0C"s) +
                        record(15,
                               "\x00\x1E\x01"s
                               "c\xC0\x0C"s) +
                        record(15,
                               "\x00\x0A\x01"s
                               "a\xC0\x0C"s));
  if (type_of(question) != 1) return reply_to(question, fine, 0, "");
  return reply_to(question, fine, 1, record(1, "\xC0\x00\x02"s + question[13]));
}

// What a gateway that listens there finds for `domain`.
MailHostsFound found_by(const char* address, std::uint16_t port, const std::string& domain,
                        const NameServer::Answer& answer = three_exchangers) {
  boost::asio::io_context context;
  NameServer server(context, answer);
  Dns dns(context, {.servers = {server.address()}});
  MailHosts hosts(dns, "gate.example");
  hosts.answers_at(OwnEndpoints({{boost::asio::ip::make_address(address), port}}));
  MailHostsFound found;
  hosts.find(domain, 25, [&](MailHostsFound given) {
    found = std::move(given);
    context.stop();
  });
  context.run();
  return found;
}

std::vector<std::string> addresses_of(const MailHostsFound& found) {
  std::vector<std::string> addresses;
  if (const auto* hosts = std::get_if<std::vector<MailHost>>(&found))
    for (const auto& host : *hosts) addresses.push_back(host.address);
  return addresses;
}

TEST_CASE("this host is known among exchangers by its address, and those behind it are left out") {
  using Addresses = std::vector<std::string>;
  const std::string domain = "example.org";
  CHECK(addresses_of(found_by("192.0.2.98", 25, domain)) == Addresses{"192.0.2.97"});
  CHECK(addresses_of(found_by("192.0.2.99", 25, domain)) == Addresses{"192.0.2.97", "192.0.2.98"});
  // Another server of the same host.
  CHECK(addresses_of(found_by("192.0.2.98", 2525, domain)).size() == 3);
}

TEST_CASE("where nobody is better than this host, known by its address, mail is not sent round") {
  for (const char* domain : {"example.org", "a.example.org", "[192.0.2.97]"}) {
    CAPTURE(domain);
    const auto found = found_by("192.0.2.97", 25, domain);
    REQUIRE(std::holds_alternative<cordon::smtp::Reply>(found));
    CHECK(std::get<cordon::smtp::Reply>(found).status == cordon::smtp::EnhancedStatus{5, 4, 6});
  }
}

TEST_CASE("nothing bounces while a better host than this one has an address that is not known") {
  const auto knows_all_but = [](char silent) {
    return [silent](const std::string& question) {
      const bool of_host = type_of(question) != 15 && question[13] == silent;
      return of_host ? reply_to(question, server_failed, 0, "") : three_exchangers(question);
    };
  };
  const auto why_none = [](const MailHostsFound& found) {
    REQUIRE(std::holds_alternative<cordon::smtp::Reply>(found));
    return std::get<cordon::smtp::Reply>(found).status;
  };
  using Status = cordon::smtp::EnhancedStatus;
  const auto better = found_by("192.0.2.98", 25, "example.org", knows_all_but('a'));
  CHECK(why_none(better) == Status{4, 4, 3});
  const auto worse = found_by("192.0.2.97", 25, "example.org", knows_all_but('b'));
  CHECK(why_none(worse) == Status{5, 4, 6});
}

TEST_CASE("what is still asked at the end is answered to nobody") {
  boost::asio::io_context context;
  NameServer server(context, [](const std::string&) { return ""s; });
  bool told = false;
  {
    Dns dns(context, {.servers = {server.address()}});
    dns.mx("example.org", [&](DnsStatus, const auto&) { told = true; });
    dns.addresses("example.org", [&](DnsStatus, const auto&) { told = true; });
    context.run_for(std::chrono::milliseconds(20));
  }
  context.restart();
  context.run_for(std::chrono::milliseconds(20));
  CHECK_FALSE(told);
}
