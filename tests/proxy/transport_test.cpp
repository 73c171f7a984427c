// Two transports over loopback, driven by hand: what one writes the other reads, plain and under
// TLS, and a client takes only the server that it asked for.
#include "proxy/transport.h"

#include <array>
#include <chrono>
#include <filesystem>
#include <random>

#include <doctest/doctest.h>
#include <openssl/ssl.h>
#include <signal.h>

#include "certificates.h"
#include "proxy/tls_setup.h"

using boost::asio::ip::tcp;
using namespace cordon::proxy;

namespace {

// Two ends of one connection.
struct Pair {
  Pair() : client(context), server(context) {
    // A peer that is gone must not end the program; cordond ignores it too.
    signal(SIGPIPE, SIG_IGN);
    tcp::acceptor acceptor(context, {boost::asio::ip::make_address("127.0.0.1"), 0});
    tcp::socket socket(context);
    socket.connect(acceptor.local_endpoint());
    client = Transport(std::move(socket));
    server = Transport(acceptor.accept());
  }

  // Both handshakes to their ends. True if both came out well.
  bool shake_hands() {
    Step ours{.want = Want::read};
    Step theirs{.want = Want::read};
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (ours.want != Want::nothing || theirs.want != Want::nothing) {
      if (ours.want != Want::nothing) ours = client.handshake();
      if (ours.error) client.close();
      if (theirs.want != Want::nothing) theirs = server.handshake();
      if (theirs.error) server.close();
      REQUIRE(std::chrono::steady_clock::now() < end);
    }
    return !ours.error && !theirs.error;
  }

  boost::asio::io_context context;
  Transport client;
  Transport server;
};

// Writes all of `bytes` at one end and reads it at the other.
std::string carry(Transport& from, Transport& to, std::string_view bytes) {
  std::string got;
  std::array<char, 10'000> room{};
  const std::size_t whole = bytes.size();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (got.size() < whole && std::chrono::steady_clock::now() < end) {
    if (!bytes.empty()) {
      const Step sent = from.write_some(bytes);
      REQUIRE(!sent.error);
      bytes.remove_prefix(sent.octets);
    }
    const Step step = to.read_some(room);
    REQUIRE(!step.error);
    got.append(room.data(), step.octets);
  }
  return got;
}

std::string noise(std::size_t octets) {
  std::mt19937 random(7);
  std::string bytes(octets, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

// Waits for the end of what the other side sends.
boost::system::error_code last_word(Transport& transport) {
  std::array<char, 100> room{};
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  Step step{.want = Want::read};
  while (step.want != Want::nothing && std::chrono::steady_clock::now() < end)
    step = transport.read_some(room);
  return step.error;
}

// The trouble that the client has with a server of these certificates; empty if it has none.
std::string trouble(const ServerTls& tls, const ClientTlsDemands& demands,
                    const std::string& name) {
  Pair pair;
  pair.server.start_server(tls);
  pair.client.start_client(ClientTls(demands), name);
  const bool fine = pair.shake_hands();
  CHECK(fine == pair.client.tls_trouble().empty());
  CHECK(pair.client.secured() == fine);
  return pair.client.tls_trouble();
}

std::string refusal(const std::vector<CertificateSettings>& certificates) {
  try {
    const ServerTls tls(certificates);
  } catch (const std::runtime_error& fault) {
    return fault.what();
  }
  return "none";
}

const Authority& authority() {
  static const Authority made;
  return made;
}
const std::vector<CertificateSettings>& certificates() {
  static const std::vector<CertificateSettings> made = {
      authority().issue("first", {"DNS:mail.example", "IP:127.0.0.1"}),
      authority().issue("second", {"DNS:Other.example", "DNS:*.wild.example"})};
  return made;
}
const ServerTls& server_tls() {
  static const ServerTls made(certificates());
  return made;
}
ClientTlsDemands verifying() { return {.verify = true, .ca_file = authority().file()}; }

}  // namespace

TEST_CASE("a plain transport carries octets, says when to wait, and tells the end") {
  Pair pair;
  CHECK_FALSE(pair.server.secured());
  std::array<char, 10> room{};
  CHECK(pair.server.read_some(room).want == Want::read);
  const std::string bytes = noise(1'000'000);
  CHECK(carry(pair.client, pair.server, bytes) == bytes);
  CHECK(carry(pair.server, pair.client, bytes) == bytes);
  pair.client.close();
  CHECK(last_word(pair.server) == boost::asio::error::eof);
}

TEST_CASE("who writes more than the other side takes is told to wait") {
  for (const bool secure : {false, true}) {
    CAPTURE(secure);
    Pair pair;
    if (secure) {
      pair.server.start_server(server_tls());
      pair.client.start_client(ClientTls({}), "");
      REQUIRE(pair.shake_hands());
    }
    const std::string bytes = noise(100'000);
    Step step;
    std::size_t sent = 0;
    while (step.want == Want::nothing && sent < 1'000'000'000) {
      step = pair.client.write_some(bytes);
      REQUIRE(!step.error);
      sent += step.octets;
    }
    CHECK(step.want == Want::write);
    CHECK(step.octets == 0);
  }
}

TEST_CASE("TLS carries octets both ways, and both sides tell how") {
  Pair pair;
  pair.server.start_server(server_tls());
  pair.client.start_client(ClientTls(verifying()), "mail.example");
  REQUIRE(pair.shake_hands());
  const std::string bytes = noise(1'000'000);
  CHECK(carry(pair.client, pair.server, bytes) == bytes);
  CHECK(carry(pair.server, pair.client, bytes) == bytes);
  const TlsFacts facts = pair.server.tls_facts();
  CHECK(facts.version == "TLSv1.3");
  CHECK(facts.cipher.starts_with("TLS_"));
  CHECK(facts.bits >= 128);
  CHECK(facts.server_name == "mail.example");
  CHECK_FALSE(facts.verified);
  CHECK(pair.client.tls_facts().verified);
  CHECK(pair.client.tls_facts().cipher == facts.cipher);
}

TEST_CASE("what is decrypted but not read is told, since no readability follows") {
  Pair pair;
  pair.server.start_server(server_tls());
  pair.client.start_client(ClientTls({}), "");
  REQUIRE(pair.shake_hands());
  REQUIRE(pair.client.write_some("four").octets == 4);
  std::array<char, 1> one{};
  Step step{.want = Want::read};
  while (step.octets == 0) {
    CHECK_FALSE(pair.server.pending());
    step = pair.server.read_some(one);
    REQUIRE(!step.error);
  }
  CHECK(pair.server.pending());
  std::array<char, 10> rest{};
  CHECK(pair.server.read_some(rest).octets == 3);
  CHECK_FALSE(pair.server.pending());
}

TEST_CASE("a close under TLS is told by close_notify, and one without it is an end all the same") {
  for (const bool rude : {false, true}) {
    CAPTURE(rude);
    Pair pair;
    pair.server.start_server(server_tls());
    pair.client.start_client(ClientTls({}), "");
    REQUIRE(pair.shake_hands());
    if (rude)
      pair.client.socket().shutdown(tcp::socket::shutdown_send);
    else
      pair.client.close();
    CHECK(last_word(pair.server) == boost::asio::error::eof);
  }
}

TEST_CASE("the certificate is chosen by the name that the client asks for") {
  const ServerTls& tls = server_tls();
  CHECK(trouble(tls, verifying(), "mail.example").empty());
  CHECK(trouble(tls, verifying(), "other.EXAMPLE").empty());
  CHECK(trouble(tls, verifying(), "a.wild.example").empty());
  CHECK(trouble(tls, verifying(), "mail.example.").empty());
  // Addresses are no server names: the first certificate, which has this one.
  CHECK(trouble(tls, verifying(), "127.0.0.1").empty());
}

TEST_CASE("a client that verifies takes no other server, and says why") {
  const ServerTls& tls = server_tls();
  CHECK(trouble(tls, verifying(), "unknown.example").find("hostname mismatch") !=
        std::string::npos);
  CHECK(trouble(tls, verifying(), "a.b.wild.example").find("hostname mismatch") !=
        std::string::npos);
  CHECK(trouble(tls, verifying(), "127.0.0.2").find("IP address mismatch") != std::string::npos);
  const Authority other;
  const ClientTlsDemands elsewhere{.verify = true, .ca_file = other.file()};
  CHECK(trouble(tls, elsewhere, "mail.example").find("unable to get local issuer") !=
        std::string::npos);
  CHECK(trouble(tls, {}, "unknown.example").empty());  // nor does it verify
}

TEST_CASE("a pin takes the place of authority and name") {
  const ServerTls& tls = server_tls();
  const std::string wrong = trouble(tls, {.pins = {std::string(64, '0')}}, "mail.example");
  REQUIRE(wrong.starts_with("the certificate meets no pin"));
  // It says what would have fitted.
  const auto whole = wrong.find("digest is ") + 10;
  const auto key = wrong.find("key ") + 4;
  const std::string pin = wrong.substr(whole, 64);
  const std::string key_pin = wrong.substr(key, 64);
  CHECK(pin != key_pin);
  CHECK(trouble(tls, {.verify = true, .pins = {pin}}, "whatever.example").empty());
  CHECK(trouble(tls, {.pins = {std::string(64, '0'), key_pin}}, "").empty());
  CHECK_FALSE(trouble(tls, {.pins = {pin}}, "other.example").empty());  // the second certificate
}

TEST_CASE("pins are written as fingerprints are") {
  const std::string digits(64, 'a');
  CHECK(pin_digits(digits) == digits);
  std::string colons;
  for (int i = 0; i < 32; ++i) colons += i == 0 ? "AA" : ":AA";
  CHECK(pin_digits(colons) == digits);
  CHECK(pin_digits(digits + "a").empty());
  CHECK(pin_digits(std::string(64, 'g')).empty());
  CHECK(pin_digits("").empty());
  CHECK_THROWS_WITH(ClientTls({.pins = {"abc"}}), doctest::Contains("pin abc"));
  CHECK_THROWS_WITH(ClientTls({.verify = true, .ca_file = "/nowhere.pem"}),
                    doctest::Contains("/nowhere.pem: "));
}

TEST_CASE("a server that has no part in TLS is trouble, not a hang") {
  Pair pair;
  pair.client.start_client(ClientTls({}), "mail.example");
  CHECK(pair.client.handshake().want == Want::read);
  REQUIRE(pair.server.write_some("454 TLS not available\r\n").octets == 23);
  Step step{.want = Want::read};
  while (step.want != Want::nothing) step = pair.client.handshake();
  CHECK(step.error);
  CHECK(pair.client.tls_trouble().find("wrong version number") != std::string::npos);
  CHECK(step.error.message().find("wrong version number") != std::string::npos);
}

TEST_CASE("a bad certificate or key is named with its file") {
  const auto good = certificates().front();
  const auto other = certificates().back();
  CHECK(refusal({good, other}) == "none");
  CHECK(refusal({{"/nowhere.pem", good.key}}).starts_with("/nowhere.pem: "));
  CHECK(refusal({{good.chain, "/nowhere.key"}}).starts_with("/nowhere.key: "));
  CHECK(refusal({{good.chain, other.key}}).starts_with(other.key + ": does not belong to "));
  CHECK(refusal({{good.chain, good.chain}}).starts_with(good.chain + ": "));
  namespace fs = std::filesystem;
  const std::string open = authority().path("open.key");
  fs::copy_file(good.key, open);
  fs::permissions(open, fs::perms::others_read, fs::perm_options::add);
  CHECK(refusal({{good.chain, open}}).starts_with(open + ": may be read by everybody"));
}

TEST_CASE("OpenSSL keeps nothing in its buffers of what came in, which may be a password") {
  const TlsContext context = make_tls_context(TLS_server_method());
  CHECK((SSL_CTX_get_options(context.get()) & SSL_OP_CLEANSE_PLAINTEXT) != 0);
}
