#include "proxy/bait_login.h"

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "smtp/text.h"

namespace cordon::proxy {

namespace {

constexpr std::string_view reserved = ".invalid";  // RFC 2606 2
constexpr int most_tries = 64;
constexpr std::size_t surely_nobody = 16;  // letters

// Also what is not ASCII.
bool is_of_word(char c) { return smtp::is_alnum(c) || static_cast<unsigned char>(c) >= 0x80; }
std::string lowered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), smtp::to_lower);
  return result;
}

// ---- the parts of a name

// All together, in this order, are the name as it was given.
struct NameParts {
  std::string before;  // blanks and brackets
  std::string realm;   // with the backslash after it
  std::string local;
  std::string domain;  // with the @ before it
  std::string after;

  std::string text() const { return before + realm + local + domain + after; }
};

NameParts parts_of(std::string_view name) {
  constexpr std::string_view around = " \t\r\n<>";
  NameParts parts;
  const std::size_t begin = std::min(name.find_first_not_of(around), name.size());
  parts.before = name.substr(0, begin);
  name.remove_prefix(begin);
  const std::size_t end = name.find_last_not_of(around) + 1;  // npos: 0
  parts.after = name.substr(end);
  name = name.substr(0, end);
  const std::size_t at = std::min(name.rfind('@'), name.size());
  parts.domain = name.substr(at);
  name = name.substr(0, at);
  // In a quoted local part it quotes (RFC 5321 4.1.2).
  const std::size_t realm = name.starts_with('"') ? 0 : name.rfind('\\') + 1;
  parts.realm = name.substr(0, realm);
  parts.local = name.substr(realm);
  return parts;
}

// Servers are not strict about names, so what is no mailbox of SMTP counts as it stands.
std::string unquoted(const std::string& local) {
  const auto mailbox = smtp::parse_mailbox(local + "@x", smtp::Utf8::yes);
  return mailbox ? mailbox->local : local;
}

std::optional<baits::Hit> match(const baits::Matcher& matcher, const NameParts& name) {
  const std::string local = unquoted(name.local);
  const auto domain = name.domain.empty() ? "" : name.domain.substr(1);
  const auto hit = matcher.match({local, domain});
  if (hit || name.realm.empty()) return hit;
  return matcher.match({local, name.realm.substr(0, name.realm.size() - 1)});
}

// ---- what stands in

// Letters that depend on nothing but key, text and try; without end.
class Letters {
 public:
  Letters(const StandIns::Key& key, std::string_view text, int tried) : key_(key) {
    // Growing would leave a copy of a secret.
    text_.reserve(text.size() + 32);
    text_ = text;
    text_ += '\0' + std::to_string(tried) + '\0';
    fixed_ = text_.size();
  }
  ~Letters() { smtp::wipe(text_); }
  Letters(const Letters&) = delete;
  Letters& operator=(const Letters&) = delete;

  unsigned below(unsigned end) {
    if (next_ == block_.size()) fill();
    return block_[next_++] % end;
  }
  char letter() { return static_cast<char>('a' + below(26)); }

 private:
  void fill() {
    text_.resize(fixed_);
    text_ += std::to_string(blocks_++);
    next_ = 0;
    if (HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
             reinterpret_cast<const unsigned char*>(text_.data()), text_.size(), block_.data(),
             nullptr) == nullptr)
      throw std::runtime_error("no HMAC");
  }

  const StandIns::Key& key_;
  std::string text_;
  std::size_t fixed_ = 0;
  int blocks_ = 0;
  StandIns::Key block_{};
  std::size_t next_ = block_.size();
};

// The same shape, so that a server which is strict about names is as strict about this one.
std::string disguised(std::string_view text, Letters& letters) {
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    if (smtp::is_digit(c))
      result += static_cast<char>('0' + letters.below(10));
    else if (smtp::to_lower(c) != c)
      result += static_cast<char>(letters.letter() - 'a' + 'A');
    else
      result += is_of_word(c) ? letters.letter() : c;
  }
  return result;
}

// `name` begins with "@".
std::string made_up_domain(std::string_view name, Letters& letters) {
  const std::size_t shortest = std::string_view("@x").size() + reserved.size();
  if (name.size() < shortest) return disguised(name, letters);
  std::string domain = disguised(name.substr(0, name.size() - reserved.size()), letters);
  if (domain.back() == '.') domain.back() = letters.letter();
  return domain.append(reserved);
}

NameParts disguised(const baits::Matcher& matcher, const NameParts& given,
                    const StandIns::Key& key) {
  const auto is_by_domain = [&](const NameParts& name) {
    const auto hit = match(matcher, name);
    return hit && hit->kind == baits::BaitKind::domain;
  };
  NameParts made = given;
  // First, so that it is the same for all names there.
  for (int tried = 0; tried < most_tries && is_by_domain(made); ++tried) {
    Letters letters(key, lowered(given.domain + given.realm), tried);
    made.domain = made_up_domain(given.domain, letters);
    made.realm = disguised(given.realm, letters);
  }
  for (int tried = 0; tried <= most_tries; ++tried) {
    // In any case the same name to most servers.
    Letters letters(key, lowered(given.text()), tried);
    made.local = disguised(given.local, letters);
    if (tried == most_tries) made.local = disguised(std::string(surely_nobody, 'x'), letters);
    if (lowered(made.local) != lowered(given.local) && !match(matcher, made)) break;
  }
  return made;
}

// ---- what the server says about it

void note_words(StandIn& stand_in, const NameParts& made, const NameParts& given) {
  const auto note = [&](std::string_view one, std::string_view other) {
    if (one != other) stand_in.words.emplace_back(one, other);
  };
  note(made.local, given.local);
  if (!made.domain.empty())
    note(std::string_view(made.domain).substr(1), std::string_view(given.domain).substr(1));
  if (!made.realm.empty())
    note(std::string_view(made.realm).substr(0, made.realm.size() - 1),
         std::string_view(given.realm).substr(0, given.realm.size() - 1));
}

// As a word of its own: short names are part of many words.
bool stands_at(std::string_view text, std::size_t at, std::string_view word) {
  const std::size_t end = at + word.size();
  if (lowered(text.substr(at, word.size())) != lowered(word)) return false;
  if (at > 0 && is_of_word(text[at - 1]) && is_of_word(word.front())) return false;
  return end >= text.size() || !is_of_word(text[end]) || !is_of_word(word.back());
}

}  // namespace

std::optional<baits::Hit> bait_in(const baits::Matcher& matcher,
                                  const smtp::Credentials& credentials) {
  const auto hit = match(matcher, parts_of(credentials.user));
  return hit ? hit : match(matcher, parts_of(credentials.authorize_as));
}

smtp::Reply StandIn::translate(smtp::Reply reply) const {
  std::string told;
  for (std::size_t at = 0; at < reply.text.size();) {
    const auto word = std::find_if(words.begin(), words.end(), [&](const auto& pair) {
      return stands_at(reply.text, at, pair.first);
    });
    if (word == words.end()) {
      told += reply.text[at++];
      continue;
    }
    const auto& [made, given] = *word;
    const std::string_view said = std::string_view(reply.text).substr(at, made.size());
    // Some servers put names in lower case.
    told += said != made && said == lowered(made) ? lowered(given) : given;
    at += made.size();
  }
  reply.text = std::move(told);
  return reply;
}

StandIns::StandIns() {
  if (RAND_bytes(key_.data(), static_cast<int>(key_.size())) != 1)
    throw std::runtime_error("the system has no randomness");
}

StandIn StandIns::of(const baits::Matcher& matcher, const smtp::Credentials& given) const {
  StandIn stand_in;
  auto nobody = std::make_shared<smtp::Credentials>();
  nobody->mechanism = given.mechanism;
  const auto name_for = [&](const std::string& name) -> std::string {
    if (name.empty()) return {};
    const NameParts parts = parts_of(name);
    const NameParts made = disguised(matcher, parts, key_);
    note_words(stand_in, made, parts);
    return made.text();
  };
  nobody->user = name_for(given.user);
  nobody->authorize_as = name_for(given.authorize_as);
  Letters letters(key_, given.secret, 0);
  nobody->secret = disguised(given.secret, letters);
  std::stable_sort(
      stand_in.words.begin(), stand_in.words.end(),
      [](const auto& one, const auto& other) { return one.first.size() > other.first.size(); });
  stand_in.login = std::move(nobody);
  return stand_in;
}

}  // namespace cordon::proxy
