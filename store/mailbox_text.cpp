#include "store/mailbox_text.h"

namespace cordon::store {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// The local part in front of `rest`, quotes and backslashes taken away.
std::string take_quoted(std::string_view& rest) {
  std::string local;
  rest.remove_prefix(1);
  while (!rest.empty() && rest.front() != '"') {
    if (rest.front() == '\\' && rest.size() > 1) rest.remove_prefix(1);
    local += rest.front();
    rest.remove_prefix(1);
  }
  if (!rest.empty()) rest.remove_prefix(1);
  return local;
}

}  // namespace

MailboxText mailbox_text(const smtp::Mailbox& mailbox) {
  MailboxText text;
  smtp::Mailbox normal{mailbox.local, lower(mailbox.domain)};
  if (normal.domain != mailbox.domain) text.written_domain = mailbox.domain;
  text.normal = normal.to_string();
  return text;
}

smtp::Mailbox read_mailbox(std::string_view normal,
                           std::optional<std::string_view> written_domain) {
  smtp::Mailbox mailbox;
  std::string_view rest = normal;
  if (rest.starts_with('"')) {
    mailbox.local = take_quoted(rest);
  } else {
    mailbox.local = rest.substr(0, rest.find('@'));
    rest.remove_prefix(mailbox.local.size());
  }
  if (rest.starts_with('@')) rest.remove_prefix(1);
  mailbox.domain = written_domain.value_or(rest);
  return mailbox;
}

MailboxPattern mailbox_pattern(std::string_view text) {
  MailboxPattern pattern;
  if (text.empty()) return pattern;
  if (text.starts_with('@')) {
    pattern.suffix = lower(text);
  } else if (auto mailbox = smtp::parse_mailbox(text, smtp::Utf8::yes)) {
    pattern.whole = mailbox_text(*mailbox).normal;
  } else {
    pattern.whole = text;
  }
  return pattern;
}

}  // namespace cordon::store
