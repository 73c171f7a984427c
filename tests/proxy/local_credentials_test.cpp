// Passwords on their own thread: whose turn it is, and who is told to come again.
#include "proxy/local_credentials.h"

#include <filesystem>
#include <fstream>
#include <future>
#include <vector>

#include <crypt.h>
#include <doctest/doctest.h>
#include <stdlib.h>

#include "proxy/listener_terms.h"

using namespace cordon::proxy;
using cordon::smtp::Credentials;

namespace {

// A listener at which anna's password is "s3cret".
std::shared_ptr<const ListenerTerms> terms() {
  std::string pattern = "/tmp/cordon-credentials-XXXXXX";
  const std::filesystem::path folder = mkdtemp(pattern.data());
  crypt_data data{};
  std::ofstream(folder / "passwords")
      << "anna:" << crypt_r("s3cret", "$6$rounds=1000$salt", &data) << "\n";
  std::filesystem::permissions(folder / "passwords", std::filesystem::perms::owner_read);
  ListenerSettings settings;
  settings.auth = ListenerAuth::offered;
  settings.password_file = folder / "passwords";
  auto made = std::make_shared<const ListenerTerms>(settings, std::nullopt);
  std::filesystem::remove_all(folder);
  return made;
}

Credentials given(const std::string& secret, const std::string& acting_as = {}) {
  Credentials credentials;
  credentials.user = "anna";
  credentials.secret = secret;
  credentials.authorize_as = acting_as;
  return credentials;
}

using Kind = CredentialVerdict::Kind;

}  // namespace

TEST_CASE("the right password is right, and nobody acts for another") {
  LocalCredentials check;
  const auto listener = terms();
  const auto verdict = [&](const Credentials& credentials) {
    std::promise<Kind> told;
    check.check(listener, {.address = "192.0.2.1"}, credentials,
                [&](const CredentialVerdict& one) { told.set_value(one.kind); });
    return told.get_future().get();
  };
  CHECK(verdict(given("s3cret")) == Kind::right);
  CHECK(verdict(given("s3cret", "anna")) == Kind::right);
  CHECK(verdict(given("s3cret", "bert")) == Kind::wrong);
  CHECK(verdict(given("wrong")) == Kind::wrong);
}

TEST_CASE("who guesses with many sessions keeps himself waiting, and nobody else") {
  LocalCredentials check;
  const auto listener = terms();
  std::promise<void> begun;
  std::promise<void> go_on;
  check.check(listener, {.address = "192.0.2.1"}, given("wrong"), [&](const CredentialVerdict&) {
    begun.set_value();
    go_on.get_future().wait();
  });
  begun.get_future().wait();  // the one thread is busy from here on

  std::vector<std::promise<Kind>> told(LocalCredentials::most_of_a_host + 2);
  const auto ask = [&](const char* address, std::size_t n) {
    check.check(listener, {.address = address}, given("s3cret"),
                [&, n](const CredentialVerdict& one) { told[n].set_value(one.kind); });
  };
  for (std::size_t n = 0; n <= LocalCredentials::most_of_a_host; ++n) ask("192.0.2.1", n);
  CHECK(told[LocalCredentials::most_of_a_host].get_future().get() == Kind::unknown);
  ask("192.0.2.2", LocalCredentials::most_of_a_host + 1);
  go_on.set_value();
  for (std::size_t n = 0; n < LocalCredentials::most_of_a_host; ++n)
    CHECK(told[n].get_future().get() == Kind::right);
  CHECK(told.back().get_future().get() == Kind::right);
}
