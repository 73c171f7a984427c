// The PROXY header: what is told of some octets stays true when more come, and what is read can be
// written and read again.
#include "fuzz.h"
#include "smtp/ip_text.h"
#include "smtp/proxy_header.h"

using namespace cordon::smtp;
using cordon::fuzz::require;
using State = ProxyHeader::State;

namespace {

void check_prefixes(std::string_view octets) {
  ProxyHeader before;
  for (std::size_t size = 0; size <= octets.size() && size <= 300; ++size) {
    const ProxyHeader header = read_proxy_header(octets.substr(0, size));
    if (before.state != State::need_more) {
      require(header.state == before.state && header.octets == before.octets, "no second thoughts");
      require(header.client == before.client, "nor of the client");
    }
    if (before.state == State::need_more && header.state == State::whole) {
      require(header.octets == size, "whole as soon as it can be");
    }
    before = header;
  }
}

void check_written(const ClientFacts& client) {
  for (const char* const server : {"198.51.100.1", "2001:db8::1"}) {
    for (const ProxyVersion version : {ProxyVersion::v1, ProxyVersion::v2}) {
      const std::string octets = format_proxy_header(version, client, server, 25);
      const ProxyHeader back = read_proxy_header(octets + "more");
      require(back.state == State::whole && back.octets == octets.size(),
              "what is written is read");
      require(back.client.has_value() && back.client->port == client.port, "with its port");
      const auto told = parse_ip(client.address);
      const auto read = parse_ip(back.client->address);
      require(told && read && as_v6(*told) == as_v6(*read), "and its address");
    }
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets = cordon::fuzz::as_text(data, size);
  const ProxyHeader header = read_proxy_header(octets);
  require(header.state != State::need_more || size < max_proxy_header, "memory is bounded");
  require(header.octets <= size, "no octet that is not there");
  require((header.octets > 0) == (header.state == State::whole), "only a whole header has octets");
  check_prefixes(octets);
  if (header.client) check_written(*header.client);
  if (const auto address = parse_ip(octets)) {
    require(parse_ip(to_text(*address)) == address, "an address has a text");
  }
  return 0;
}
