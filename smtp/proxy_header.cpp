#include "smtp/proxy_header.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "smtp/ip_text.h"
#include "smtp/text.h"

namespace cordon::smtp {
namespace {

using State = ProxyHeader::State;
using namespace std::string_view_literals;

constexpr std::size_t max_v1 = 107;  // with CRLF (section 2.1)
constexpr std::string_view v1_start = "PROXY ";
constexpr std::string_view v2_start = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t v2_fixed = 16;

// Section 2.2: version and command in one octet, family and transport in the next.
constexpr std::uint8_t local_command = 0x20;
constexpr std::uint8_t proxy_command = 0x21;
constexpr std::uint8_t unspecified = 0x00;
constexpr std::uint8_t tcp4 = 0x11;
constexpr std::uint8_t tcp6 = 0x21;
constexpr std::uint8_t unix_stream = 0x31;

constexpr ProxyHeader bad{State::bad, 0, std::nullopt};

bool may_become(std::string_view octets, std::string_view start) {
  return start.starts_with(octets.substr(0, start.size()));
}

// ---- version 1

std::optional<std::uint16_t> read_port(std::string_view text) {
  if (text.empty() || text.size() > 5 || !std::all_of(text.begin(), text.end(), is_digit) ||
      (text.size() > 1 && text.front() == '0')) {
    return std::nullopt;
  }
  unsigned port = 0;
  std::from_chars(text.data(), text.data() + text.size(), port);
  if (port > 0xFFFF) return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

// Takes the next word off the front; words are parted by exactly one space.
std::string_view take_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(word.size() + 1, text.size()));
  return word;
}

// "TCP4 source destination port port", behind "PROXY ".
std::optional<ClientFacts> read_v1_line(std::string_view line) {
  const bool v6 = take_word(line) == "TCP6";
  const auto source = parse_ip(take_word(line));
  const auto destination = parse_ip(take_word(line));
  const auto source_port = read_port(take_word(line));
  const auto destination_port = read_port(line);
  if (!source || !destination || !source_port || !destination_port) return std::nullopt;
  if (source->v6 != v6 || destination->v6 != v6) return std::nullopt;
  ClientFacts client;
  client.address = to_text(*source);
  client.port = *source_port;
  return client;
}

ProxyHeader read_v1(std::string_view octets) {
  const std::size_t end = octets.substr(0, max_v1).find("\r\n");
  if (end == std::string_view::npos) {
    return octets.size() >= max_v1 ? bad : ProxyHeader{};
  }
  const std::string_view line = octets.substr(v1_start.size(), end - v1_start.size());
  const std::string_view family = line.substr(0, line.find(' '));
  const std::size_t length = end + 2;
  // What follows UNKNOWN is to be ignored.
  if (family == "UNKNOWN") return {State::whole, length, std::nullopt};
  if (family != "TCP4" && family != "TCP6") return bad;
  auto client = read_v1_line(line);
  if (!client) return bad;
  return {State::whole, length, std::move(client)};
}

// ---- version 2

std::uint16_t big_endian(std::string_view octets, std::size_t at) {
  const auto octet = [&](std::size_t i) { return static_cast<std::uint8_t>(octets[i]); };
  return static_cast<std::uint16_t>(octet(at) << 8 | octet(at + 1));
}

// `block`: source, destination, their ports.
ClientFacts read_v2_addresses(std::string_view block, bool v6) {
  const std::size_t width = v6 ? 16 : 4;
  IpAddress source;
  source.v6 = v6;
  for (std::size_t i = 0; i < width; ++i) source.octets[i] = static_cast<std::uint8_t>(block[i]);
  ClientFacts client;
  client.address = to_text(source);
  client.port = big_endian(block, 2 * width);
  return client;
}

ProxyHeader read_v2(std::string_view octets) {
  if (octets.size() < v2_fixed) return {};
  const auto command = static_cast<std::uint8_t>(octets[12]);
  const auto family = static_cast<std::uint8_t>(octets[13]);
  const std::size_t block = big_endian(octets, 14);
  const std::size_t length = v2_fixed + block;
  if (command != local_command && command != proxy_command) return bad;
  if (length > max_proxy_header) return bad;
  const bool tells = command == proxy_command && family != unspecified && family != unix_stream;
  if (tells && family != tcp4 && family != tcp6) return bad;  // mail comes over TCP
  if (tells && block < (family == tcp4 ? 12u : 36u)) return bad;
  if (octets.size() < length) return {};
  ProxyHeader header{State::whole, length, std::nullopt};
  if (tells) header.client = read_v2_addresses(octets.substr(v2_fixed), family == tcp6);
  return header;
}

// ---- writing

void append_port(std::string& out, std::uint16_t port) {
  out += static_cast<char>(port >> 8);
  out += static_cast<char>(port & 0xFF);
}

void append_octets(std::string& out, const IpAddress& address) {
  const std::size_t width = address.v6 ? 16 : 4;
  for (std::size_t i = 0; i < width; ++i) out += static_cast<char>(address.octets[i]);
}

std::string format_v2_start(std::uint8_t command, std::uint8_t family, std::size_t block) {
  std::string out(v2_start);
  out += static_cast<char>(command);
  out += static_cast<char>(family);
  append_port(out, static_cast<std::uint16_t>(block));
  return out;
}

}  // namespace

ProxyHeader read_proxy_header(std::string_view octets) {
  if (octets.starts_with(v2_start)) return read_v2(octets);
  if (octets.starts_with(v1_start)) return read_v1(octets);
  return may_become(octets, v2_start) || may_become(octets, v1_start) ? ProxyHeader{} : bad;
}

std::string format_proxy_header(ProxyVersion version, const ClientFacts& client,
                                std::string_view server_address, std::uint16_t server_port) {
  auto source = parse_ip(client.address);
  auto destination = parse_ip(server_address);
  if (!source || !destination) {
    return version == ProxyVersion::v1 ? "PROXY UNKNOWN\r\n"
                                       : format_v2_start(local_command, unspecified, 0);
  }
  const bool v6 = source->v6 || destination->v6;
  if (v6) {
    source = as_v6(*source);
    destination = as_v6(*destination);
  }
  if (version == ProxyVersion::v1) {
    return std::string(v6 ? "PROXY TCP6 " : "PROXY TCP4 ") + to_text(*source) + ' ' +
           to_text(*destination) + ' ' + std::to_string(client.port) + ' ' +
           std::to_string(server_port) + "\r\n";
  }
  std::string out = format_v2_start(proxy_command, v6 ? tcp6 : tcp4, v6 ? 36 : 12);
  append_octets(out, *source);
  append_octets(out, *destination);
  append_port(out, client.port);
  append_port(out, server_port);
  return out;
}

}  // namespace cordon::smtp
