// Who a client is, as a relay tells it: addresses, the PROXY header, XCLIENT.
#include <string>

#include <doctest/doctest.h>

#include "smtp/ip_text.h"
#include "smtp/proxy_header.h"
#include "smtp/xclient.h"
#include "smtp/xtext.h"

namespace cordon::smtp {
namespace {

using State = ProxyHeader::State;
using namespace std::string_literals;
using namespace std::string_view_literals;

// ---- addresses

TEST_CASE("an address has one text, that of RFC 5952") {
  for (const auto& [given, text] : {std::pair{"192.0.2.7", "192.0.2.7"},
                                    {"0.0.0.0", "0.0.0.0"},
                                    {"255.255.255.255", "255.255.255.255"},
                                    {"2001:DB8::1", "2001:db8::1"},
                                    {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
                                    {"::", "::"},
                                    {"::1", "::1"},
                                    {"1::", "1::"},
                                    {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
                                    {"1:0:0:2:3:0:0:4", "1::2:3:0:0:4"},
                                    {"1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"},
                                    {"::ffff:192.0.2.7", "::ffff:192.0.2.7"},
                                    {"::FFFF:c000:207", "::ffff:192.0.2.7"},
                                    {"64:ff9b::192.0.2.7", "64:ff9b::c000:207"}}) {
    const std::string_view written = given;
    CAPTURE(written);
    const auto address = parse_ip(written);
    REQUIRE(address);
    CHECK(to_text(*address) == text);
    CHECK(parse_ip(text) == address);
  }
}

TEST_CASE("what is no address is none") {
  for (const char* const text : {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.04",
                                 "1.2.3.4 ", "::ffff:1.2.3.04", ":::", "1::2::3", "1:2:3:4:5:6:7",
                                 "1:2:3:4:5:6:7:8:9", "12345::", "fe80::1%eth0", "[::1]"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_ip(text));
  }
}

// ---- PROXY

void check_whole(std::string_view octets, std::string_view address, std::uint16_t port) {
  for (std::size_t size = 0; size < octets.size(); ++size) {
    CHECK(read_proxy_header(octets.substr(0, size)).state == State::need_more);
  }
  const std::string followed = std::string(octets) + "EHLO client.example\r\n";
  const ProxyHeader header = read_proxy_header(followed);
  CHECK(header.state == State::whole);
  CHECK(header.octets == octets.size());
  if (address.empty()) {
    CHECK_FALSE(header.client);
  } else {
    REQUIRE(header.client);
    ClientFacts expected;
    expected.address = address;
    expected.port = port;
    CHECK(*header.client == expected);
  }
}

TEST_CASE("version 1 tells an address and a port, or that it does not know") {
  check_whole("PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\r\n", "192.0.2.7", 56324);
  check_whole("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255",
              65535);
  check_whole("PROXY TCP6 2001:db8::7 2001:DB8::1 0 25\r\n", "2001:db8::7", 0);
  check_whole("PROXY UNKNOWN\r\n", "", 0);
  check_whole("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "", 0);
}

TEST_CASE("a malformed header of version 1 is bad") {
  for (const char* const text :
       {"PROXY TCP4 192.0.2.7 198.51.100.1 56324\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n", "PROXY TCP4  192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 65536\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 01 2\r\n", "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 \r\n",
        "PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n", "PROXY TCP6 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n", "PROXY tcp4 192.0.2.7 198.51.100.1 1 2\r\n",
        "PROXY \r\n", "PROXY TCP4\r\n", "PROXY TCP4 192.0.2.7 198.51.100.1 1 -2\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\nX\r\n", "EHLO client.example\r\n", "\r\n\r\nEHLO",
        "\x16\x03\x01", "proxy TCP4"}) {
    CAPTURE(text);
    CHECK(read_proxy_header(text).state == State::bad);
  }
  const std::string endless = "PROXY UNKNOWN " + std::string(93, 'x');
  CHECK(endless.size() == 107);
  CHECK(read_proxy_header(endless.substr(0, 106)).state == State::need_more);
  CHECK(read_proxy_header(endless).state == State::bad);
}

constexpr auto signature = "\r\n\r\n\0\r\nQUIT\n"sv;

std::string v2(std::string_view command_and_family, std::string_view block) {
  std::string octets(signature);
  octets += command_and_family;
  octets += static_cast<char>(block.size() >> 8);
  octets += static_cast<char>(block.size() & 0xFF);
  return octets.append(block);
}

constexpr auto ipv4_block = "\xC0\x00\x02\x07\xC6\x33\x64\x01\xDC\x04\x00\x19"sv;
constexpr auto ipv6_block =
    "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x07\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01\xDC\x04\x00\x19"sv;

TEST_CASE("version 2 tells an address and a port, or that the proxy speaks for itself") {
  check_whole(v2("\x21\x11"sv, ipv4_block), "192.0.2.7", 56324);
  check_whole(v2("\x21\x21"sv, ipv6_block), "2001:db8::7", 56324);
  check_whole(v2("\x20\x00"sv, ""sv), "", 0);
  check_whole(v2("\x20\x11"sv, ipv4_block), "", 0);  // LOCAL: the block is passed over
  check_whole(v2("\x21\x00"sv, "whatever"sv), "", 0);
  check_whole(v2("\x21\x31"sv, std::string(216, '/')), "", 0);
  // A TLV behind the addresses.
  check_whole(v2("\x21\x11"sv, std::string(ipv4_block) + "\x04\x00\x02xx"s), "192.0.2.7", 56324);
}

TEST_CASE("a malformed header of version 2 is bad") {
  for (const std::string& octets :
       {v2("\x11\x11"sv, ipv4_block), v2("\x22\x11"sv, ipv4_block), v2("\x21\x12"sv, ipv4_block),
        v2("\x21\x22"sv, ipv6_block), v2("\x21\x41"sv, ipv6_block), v2("\x21\x21"sv, ipv4_block),
        v2("\x21\x11"sv, ipv4_block.substr(1)), v2("\x21\x11"sv, std::string(4081, 'x'))}) {
    CHECK(read_proxy_header(octets).state == State::bad);
  }
  check_whole(v2("\x21\x11"sv, std::string(ipv4_block) + std::string(4068, 'x')), "192.0.2.7",
              56324);
}

TEST_CASE("a header that is written says what was to be told") {
  ClientFacts client;
  client.address = "192.0.2.7";
  client.port = 56324;
  CHECK(format_proxy_header(ProxyVersion::v1, client, "198.51.100.1", 25) ==
        "PROXY TCP4 192.0.2.7 198.51.100.1 56324 25\r\n");
  CHECK(format_proxy_header(ProxyVersion::v2, client, "198.51.100.1", 25) ==
        v2("\x21\x11"sv, ipv4_block));
  CHECK(format_proxy_header(ProxyVersion::v1, client, "2001:db8::1", 25) ==
        "PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 56324 25\r\n");
  client.address = "2001:db8::7";
  CHECK(format_proxy_header(ProxyVersion::v1, client, "2001:db8::1", 25) ==
        "PROXY TCP6 2001:db8::7 2001:db8::1 56324 25\r\n");
  CHECK(format_proxy_header(ProxyVersion::v2, client, "2001:db8::1", 25) ==
        v2("\x21\x21"sv, ipv6_block));
  client.address = "spike.example";
  CHECK(format_proxy_header(ProxyVersion::v1, client, "198.51.100.1", 25) == "PROXY UNKNOWN\r\n");
  CHECK(format_proxy_header(ProxyVersion::v2, client, "198.51.100.1", 25) ==
        v2("\x20\x00"sv, ""sv));
}

// ---- XCLIENT

TEST_CASE("XCLIENT is read as Postfix writes it") {
  ClientFacts facts;
  CHECK_FALSE(read_xclient("NAME=spike.porcupine.org ADDR=168.100.189.2 PROTO=ESMTP", facts));
  ClientFacts expected;
  expected.name = "spike.porcupine.org";
  expected.address = "168.100.189.2";
  CHECK(facts == expected);
  CHECK_FALSE(read_xclient("HELO=spike PROTO=smtp  PORT=4711 LOGIN=j+C3+BCrgen+2B1+3D+20x", facts));
  expected.helo = "spike";
  expected.esmtp = false;
  expected.port = 4711;
  expected.login = "j\xC3\xBCrgen+1= x";
  CHECK(facts == expected);  // what was told before still stands
  CHECK_FALSE(read_xclient("ADDR=IPV6:2001:DB8::7 NAME=[TEMPUNAVAIL] port=[Unavailable]", facts));
  expected.address = "2001:db8::7";
  expected.name.clear();
  expected.port = 0;
  CHECK(facts == expected);
}

TEST_CASE("XCLIENT is written with what was offered, and read back") {
  ClientFacts facts;
  facts.name = "spike.example";
  facts.address = "2001:db8::7";
  facts.port = 4711;
  facts.login = "a=b c";
  CHECK(format_xclient(facts, all_xclient_attributes) ==
        "XCLIENT NAME=spike.example ADDR=IPV6:2001:db8::7 PORT=4711 PROTO=ESMTP HELO=[UNAVAILABLE] "
        "LOGIN=a+3Db+20c");
  const XclientAttributes offered = read_xclient_offer("ADDR  name COLOUR");
  CHECK(format_xclient(facts, offered) == "XCLIENT NAME=spike.example ADDR=IPV6:2001:db8::7");
  CHECK(format_xclient(facts, 0).empty());
  CHECK(read_xclient_offer(xclient_keyword_value()) == all_xclient_attributes);

  facts.helo = "[UNAVAILABLE]";
  ClientFacts back;
  const std::string line = format_xclient(facts, all_xclient_attributes);
  CHECK_FALSE(read_xclient(std::string_view(line).substr(8), back));
  CHECK(back == facts);
}

TEST_CASE("what is known of a client is put on record, and read back") {
  ClientFacts facts;
  CHECK(client_record(facts) == "PROTO=ESMTP");
  facts.name = "spike.example";
  facts.address = "192.0.2.7";
  facts.port = 4711;
  facts.helo = "spike";
  facts.login = "[unavailable]";
  facts.esmtp = false;
  const std::string record = client_record(facts);
  CHECK(record ==
        "NAME=spike.example ADDR=192.0.2.7 PORT=4711 PROTO=SMTP HELO=spike LOGIN=+5Bunavailable]");
  CHECK(read_client_record(record) == facts);
  CHECK_FALSE(read_client_record(""));
  CHECK_FALSE(read_client_record("ADDR=192.0.2.7 COLOUR=red"));
  CHECK_FALSE(read_client_record("ADDR=192.0.2"));
}

TEST_CASE("what could not be read back is told nobody, and hides nothing else") {
  for (const std::string& strange :
       {"a\r\nb"s, "gr\xFCn"s, "\x7F"s, std::string(256, 'x'), "a\0b"s}) {
    const ClientFacts facts{
        .address = "192.0.2.7", .name = strange, .helo = strange, .login = strange};
    CHECK(read_client_record(client_record(facts)) == ClientFacts{.address = "192.0.2.7"});
    CHECK(format_xclient(facts, all_xclient_attributes) ==
          "XCLIENT NAME=[UNAVAILABLE] ADDR=192.0.2.7 PORT=[UNAVAILABLE] PROTO=ESMTP "
          "HELO=[UNAVAILABLE] LOGIN=[UNAVAILABLE]");
  }
  const ClientFacts blank{.name = "a b", .helo = "a b", .login = "a b"};
  CHECK(client_record(blank) == "PROTO=ESMTP LOGIN=a+20b");
}

TEST_CASE("xtext carries any octets") {
  std::string octets;
  for (int i = 0; i < 256; ++i) octets += static_cast<char>(i);
  CHECK(decode_xtext_octets(encode_xtext(octets)) == octets);
  CHECK(encode_xtext("a+b=c d\r") == "a+2Bb+3Dc+20d+0D");
}

}  // namespace
}  // namespace cordon::smtp
