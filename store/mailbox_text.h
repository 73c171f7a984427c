// Mailboxes as the store keeps them: in normal form (RFC 5321 text with the domain in lower case),
// and beside it the domain as the client wrote it, where that differs.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "smtp/address.h"

namespace cordon::store {

struct MailboxText {
  std::string normal;
  std::optional<std::string> written_domain;  // unset: as in `normal`
};

MailboxText mailbox_text(const smtp::Mailbox& mailbox);
smtp::Mailbox read_mailbox(std::string_view normal, std::optional<std::string_view> written_domain);

// What an operator searches for. Of the two at most one is set.
struct MailboxPattern {
  std::optional<std::string> whole;   // equals the normal form
  std::optional<std::string> suffix;  // "@domain": the normal form ends with it
};
// "" matches anything, "@domain" a domain, else a whole address.
MailboxPattern mailbox_pattern(std::string_view text);

}  // namespace cordon::store
