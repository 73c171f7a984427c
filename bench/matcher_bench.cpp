// One million baits: time of a look-up for each kind of hit and miss, and memory a bait.
#include <chrono>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "baits/matcher.h"

namespace {

using cordon::baits::Bait;
using cordon::baits::BaitId;
using cordon::baits::BaitKind;
using cordon::baits::Matcher;
using cordon::smtp::Mailbox;

constexpr int bait_count = 1'000'000;
constexpr int lookups = 2'000'000;

std::string name(int number) { return "martha.quinn" + std::to_string(number); }

// Eight of ten addresses, one domain, one local part.
Bait make_bait(int number) {
  const BaitId id{number + 1};
  if (number % 10 == 8) return {id, BaitKind::domain, name(number) + ".example", ""};
  if (number % 10 == 9) return {id, BaitKind::local_part, name(number), ""};
  return {id, BaitKind::address, name(number) + "@mail.corp.example", ""};
}

template <typename Make>
void measure(const Matcher& matcher, const char* what, Make make) {
  // Mailboxes in random order, so that the table and not the cache of a few slots is measured.
  std::mt19937 random{1};  // NOLINT(bugprone-random-generator-seed): the same run every time
  std::vector<Mailbox> mailboxes;
  mailboxes.reserve(200'000);
  for (int i = 0; i < 200'000; ++i) {
    mailboxes.push_back(make(static_cast<int>(random() % (bait_count / 10))));
  }
  std::size_t hits = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < lookups; ++i) {
    if (matcher.match(mailboxes[static_cast<std::size_t>(i) % mailboxes.size()])) ++hits;
  }
  const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
  std::printf("%-34s %7.1f ns a look-up, %3.0f %% hits\n", what, spent.count() / lookups,
              100.0 * static_cast<double>(hits) / lookups);
}

}  // namespace

int main() {
  std::vector<Bait> baits;
  baits.reserve(bait_count);
  for (int i = 0; i < bait_count; ++i) baits.push_back(make_bait(i));
  const auto start = std::chrono::steady_clock::now();
  const Matcher matcher{baits};
  const std::chrono::duration<double> built = std::chrono::steady_clock::now() - start;
  std::printf("%zu baits built in %.2f s, %.1f octets a bait\n", matcher.size(), built.count(),
              static_cast<double>(matcher.octets()) / static_cast<double>(matcher.size()));

  measure(matcher, "hit: address", [](int i) {
    return Mailbox{name(10 * i), "mail.corp.example"};
  });
  measure(matcher, "hit: subdomain of a bait domain", [](int i) {
    return Mailbox{"someone", "mx." + name(10 * i + 8) + ".example"};
  });
  measure(matcher, "hit: local part, sub-addressed", [](int i) {
    return Mailbox{name(10 * i + 9) + "+tag", "gmail.com"};
  });
  measure(matcher, "miss: plain", [](int i) {
    return Mailbox{"jo.smith" + std::to_string(i), "corp.example"};
  });
  measure(matcher, "miss: sub-address, deep domain", [](int i) {
    return Mailbox{"jo.smith+list", "a.b.c.d.e" + std::to_string(i) + ".corp.example"};
  });
  measure(matcher, "miss: 120 labels", [](int i) {
    std::string domain;
    for (int label = 0; label < 119; ++label) domain += "a.";
    return Mailbox{"jo", domain + "e" + std::to_string(i)};
  });
  measure(matcher, "miss: U-label (IDNA)", [](int i) {
    return Mailbox{"jo",
                   "b\xC3\xBC"
                   "cher" +
                       std::to_string(i) + ".example"};
  });
}
