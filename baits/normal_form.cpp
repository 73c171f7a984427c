#include "baits/normal_form.h"

#include <algorithm>

#include "baits/idna.h"

namespace cordon::baits {
namespace {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool holds_forbidden(std::string_view domain) {
  return std::any_of(domain.begin(), domain.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '@';
  });
}

bool is_literal(std::string_view domain) { return domain.starts_with('['); }

// "xn--" at the start of a label, in any case.
bool holds_a_label(std::string_view domain) {
  for (std::size_t at = 0; at + 4 <= domain.size(); ++at) {
    const bool starts = at == 0 || domain[at - 1] == '.';
    if (starts && lower(domain[at]) == 'x' && lower(domain[at + 1]) == 'n' &&
        domain[at + 2] == '-' && domain[at + 3] == '-') {
      return true;
    }
  }
  return false;
}

std::string_view without_trailing_dots(std::string_view domain) {
  while (domain.ends_with('.')) domain.remove_suffix(1);
  return domain;
}

// The full stops of other scripts part labels too (UTS 46, 4; RFC 3490 3.1): U+3002, U+FF0E,
// U+FF61.
std::string with_ascii_dots(std::string_view domain) {
  std::string dotted;
  for (std::size_t at = 0; at < domain.size();) {
    const std::string_view three = domain.substr(at, 3);
    if (three == "\xE3\x80\x82" || three == "\xEF\xBC\x8E" || three == "\xEF\xBD\xA1") {
      dotted += '.';
      at += 3;
    } else {
      dotted += domain[at++];
    }
  }
  return dotted;
}

std::string lowered(std::string_view text) {
  std::string result{text};
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

// Label by label, so that one bad label in front cannot keep the rest of the name unread.
std::string international(std::string_view domain) {
  const std::string dotted = with_ascii_dots(domain);
  std::string result;
  for (std::size_t start = 0; start <= dotted.size();) {
    const std::size_t end = std::min(dotted.find('.', start), dotted.size());
    const std::string_view label = std::string_view{dotted}.substr(start, end - start);
    const bool plain = is_ascii(label) && !holds_a_label(label);
    std::optional<std::string> mapped;
    if (!plain) mapped = idna_label(label);
    if (start > 0) result += '.';
    result += mapped ? *mapped : lowered(label);
    start = end + 1;
  }
  return std::string{without_trailing_dots(result)};
}

// The grammar of SMTP undoes the quoting of the local part. The domain is taken as it stands, with
// trailing dots and U-labels, for the normal form to deal with.
std::optional<smtp::Mailbox> parse_bait(const Bait& bait) {
  std::string_view local = bait.value;
  std::string_view domain;
  if (bait.kind == BaitKind::address) {
    const std::size_t at = local.rfind('@');
    if (at == std::string_view::npos) return std::nullopt;
    domain = local.substr(at + 1);
    local = local.substr(0, at);
  }
  auto parsed = smtp::parse_mailbox(std::string{local} + "@x", smtp::Utf8::yes);
  if (parsed.has_error()) return std::nullopt;
  return smtp::Mailbox{std::move(parsed->local), std::string{domain}};
}

}  // namespace

std::size_t NormalMailbox::put_domain(std::string_view domain) {
  domain = without_trailing_dots(domain);
  if (domain.empty() || domain.size() > max_domain_octets || holds_forbidden(domain)) return 0;
  if (is_literal(domain) || (is_ascii(domain) && !holds_a_label(domain))) {
    std::transform(domain.begin(), domain.end(), text_.begin(), lower);
    return domain.size();
  }
  const std::string mapped = international(domain);
  if (mapped.size() > max_normal_domain || holds_forbidden(mapped)) return 0;
  std::copy(mapped.begin(), mapped.end(), text_.begin());
  return mapped.size();
}

std::size_t NormalMailbox::put_local(std::string_view local) {
  if (local.size() > max_local_octets) return 0;
  std::transform(local.begin(), local.end(), text_.begin() + domain_size_ + 1, lower);
  return local.size();
}

NormalMailbox::NormalMailbox(const smtp::Mailbox& mailbox) {
  domain_size_ = put_domain(mailbox.domain);
  text_[domain_size_] = '@';
  local_size_ = put_local(mailbox.local);
}

std::optional<std::string> normal_domain(std::string_view domain) {
  const NormalMailbox normal{smtp::Mailbox{{}, std::string{domain}}};
  if (!normal.has_domain()) return std::nullopt;
  return std::string{normal.domain()};
}

std::optional<std::string> normal_local(std::string_view local) {
  const NormalMailbox normal{smtp::Mailbox{std::string{local}, {}}};
  if (!normal.has_local()) return std::nullopt;
  return std::string{normal.local()};
}

std::optional<std::string> normal_key(const Bait& bait) {
  if (bait.kind == BaitKind::domain) return normal_domain(bait.value);
  const auto mailbox = parse_bait(bait);
  if (!mailbox) return std::nullopt;
  const NormalMailbox normal{*mailbox};
  if (!normal.has_local()) return std::nullopt;
  if (bait.kind == BaitKind::local_part)
    return std::string{normal.local_key(normal.local().size())};
  if (!normal.has_domain()) return std::nullopt;
  return std::string{normal.address_key(normal.local().size())};
}

BaitKind kind_of_key(std::string_view key) {
  const std::size_t at = key.find('@');
  if (at == std::string_view::npos) return BaitKind::domain;
  return at == 0 ? BaitKind::local_part : BaitKind::address;
}

}  // namespace cordon::baits
