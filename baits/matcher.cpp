#include "baits/matcher.h"

#include <algorithm>
#include <bit>
#include <bitset>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "baits/normal_form.h"
#include "baits/siphash.h"

namespace cordon::baits {

// Open addressing with linear probing, at most half full, so that a miss ends within a cache line
// or two. A slot is 8 octets: a tag of the hash and where the entry is. Entries lie one after the
// other in one block: id, length of the key, key.
struct Matcher::Table {
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t place = 0;  // in entries, plus 1; 0: empty
  };
  struct Entry {
    BaitId id{};
    std::string_view key;
  };

  HashKey hash_key = random_hash_key();
  std::string separators;
  std::vector<Slot> slots;
  std::vector<char> entries;
  std::size_t count = 0;
  // What there is at all, so that kinds and depths without a bait cost no probe. A domain of a
  // hundred labels is probed only at the depths at which there are bait domains.
  bool has_addresses = false;
  bool has_local_parts = false;
  std::bitset<max_domain_octets + 1> domain_depths;  // numbers of labels

  Entry entry_at(std::uint32_t place) const;
  std::uint32_t append_entry(BaitId id, std::string_view key);
  void add(BaitId id, std::string_view key);
  std::optional<BaitId> find(std::string_view key) const;
  template <typename Visit>
  void walk(const NormalMailbox& mailbox, Visit visit) const;
  template <typename Visit>
  bool walk_domains(std::string_view domain, Visit visit) const;
};

namespace {

constexpr std::size_t entry_head = sizeof(BaitId) + sizeof(std::uint16_t);

std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }

std::size_t labels_in(std::string_view domain) {
  return 1 + static_cast<std::size_t>(std::count(domain.begin(), domain.end(), '.'));
}

}  // namespace

Matcher::Table::Entry Matcher::Table::entry_at(std::uint32_t place) const {
  const char* at = entries.data() + (place - 1);
  Entry entry;
  std::uint16_t length = 0;
  std::memcpy(&entry.id, at, sizeof entry.id);
  std::memcpy(&length, at + sizeof entry.id, sizeof length);
  entry.key = {at + entry_head, length};
  return entry;
}

std::uint32_t Matcher::Table::append_entry(BaitId id, std::string_view key) {
  const std::size_t place = entries.size() + 1;
  if (place + entry_head + key.size() > std::numeric_limits<std::uint32_t>::max()) {
    throw std::length_error("the baits take more than 4 GiB");
  }
  const auto length = static_cast<std::uint16_t>(key.size());
  entries.resize(entries.size() + entry_head + key.size());
  char* at = entries.data() + (place - 1);
  std::memcpy(at, &id, sizeof id);
  std::memcpy(at + sizeof id, &length, sizeof length);
  std::memcpy(at + entry_head, key.data(), key.size());
  return static_cast<std::uint32_t>(place);
}

void Matcher::Table::add(BaitId id, std::string_view key) {
  if (find(key)) return;
  const std::uint64_t hash = siphash(hash_key, key);
  const std::size_t mask = slots.size() - 1;
  std::size_t at = hash & mask;
  while (slots[at].place != 0) at = (at + 1) & mask;
  slots[at] = {tag_of(hash), append_entry(id, key)};
  ++count;
  switch (kind_of_key(key)) {
    case BaitKind::address:
      has_addresses = true;
      break;
    case BaitKind::domain:
      domain_depths.set(std::min(labels_in(key), domain_depths.size() - 1));
      break;
    case BaitKind::local_part:
      has_local_parts = true;
      break;
  }
}

std::optional<BaitId> Matcher::Table::find(std::string_view key) const {
  const std::uint64_t hash = siphash(hash_key, key);
  const std::size_t mask = slots.size() - 1;
  for (std::size_t at = hash & mask; slots[at].place != 0; at = (at + 1) & mask) {
    if (slots[at].tag != tag_of(hash)) continue;
    const Entry entry = entry_at(slots[at].place);
    if (entry.key == key) return entry.id;
  }
  return std::nullopt;
}

// Gives each key found to `visit`, until that returns true.
template <typename Visit>
bool Matcher::Table::walk_domains(std::string_view domain, Visit visit) const {
  if (domain_depths.none()) return false;
  for (std::size_t depth = labels_in(domain); depth > 0; --depth) {
    if (domain_depths.test(std::min(depth, domain_depths.size() - 1))) {
      const auto id = find(domain);
      if (id && visit(Hit{*id, BaitKind::domain})) return true;
    }
    if (depth > 1) domain.remove_prefix(domain.find('.') + 1);
  }
  return false;
}

template <typename Visit>
void Matcher::Table::walk(const NormalMailbox& mailbox, Visit visit) const {
  // The local part whole, then cut before each separator, from the last to the first.
  const std::string_view local = mailbox.local();
  const auto shorter = [&](std::size_t length) -> std::size_t {
    const std::size_t cut = local.substr(0, length).find_last_of(separators);
    return cut == std::string_view::npos ? 0 : cut;
  };
  const auto walk_locals = [&](BaitKind kind, auto key_for) {
    for (std::size_t length = local.size(); length > 0; length = shorter(length)) {
      const auto id = find(key_for(length));
      if (id && visit(Hit{*id, kind})) return true;
    }
    return false;
  };

  if (has_addresses && mailbox.has_domain()) {
    const auto key_for = [&](std::size_t length) { return mailbox.address_key(length); };
    if (walk_locals(BaitKind::address, key_for)) return;
  }
  if (mailbox.has_domain() && walk_domains(mailbox.domain(), visit)) return;
  if (has_local_parts) {
    walk_locals(BaitKind::local_part,
                [&](std::size_t length) { return mailbox.local_key(length); });
  }
}

Matcher::Matcher() : Matcher(std::span<const Bait>{}) {}

Matcher::Matcher(std::span<const Bait> baits, std::string_view separators) {
  auto table = std::make_unique<Table>();
  table->separators = separators;
  table->slots.resize(std::bit_ceil(std::max<std::size_t>(2 * baits.size(), 8)));
  for (const Bait& bait : baits) {
    if (const auto key = normal_key(bait)) table->add(bait.id, *key);
  }
  table->entries.shrink_to_fit();
  table_ = std::move(table);
}

Matcher::~Matcher() = default;
Matcher::Matcher(Matcher&&) noexcept = default;
Matcher& Matcher::operator=(Matcher&&) noexcept = default;

std::optional<Hit> Matcher::match(const smtp::Mailbox& mailbox) const {
  std::optional<Hit> first;
  if (table_->count == 0) return first;
  table_->walk(NormalMailbox{mailbox}, [&first](const Hit& hit) {
    first = hit;
    return true;
  });
  return first;
}

void Matcher::each_match(const smtp::Mailbox& mailbox,
                         const std::function<void(const Hit&)>& hit) const {
  table_->walk(NormalMailbox{mailbox}, [&hit](const Hit& found) {
    hit(found);
    return false;
  });
}

std::optional<BaitId> Matcher::find(const Bait& bait) const {
  const auto key = normal_key(bait);
  return key ? table_->find(*key) : std::nullopt;
}

std::size_t Matcher::size() const { return table_->count; }

std::size_t Matcher::octets() const {
  return sizeof(Table) + table_->slots.capacity() * sizeof(Table::Slot) +
         table_->entries.capacity();
}

}  // namespace cordon::baits
