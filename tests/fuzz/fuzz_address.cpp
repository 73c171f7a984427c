// Addresses: whatever is accepted is within its limits and can be written and read back the same.
#include "fuzz.h"
#include "smtp/address.h"

using namespace cordon::smtp;
using cordon::fuzz::require;

namespace {

void check_mailbox(const Mailbox& mailbox, Utf8 utf8) {
  require(mailbox.local.size() <= 64, "local part within 64 octets");
  require(mailbox.domain.size() <= 255, "domain within 255 octets");
  const std::string written = mailbox.to_string();
  for (const char c : written)
    require(c != '\r' && c != '\n' && c != '\0', "no line can be broken");
  if (mailbox.domain.empty()) return;  // the bare postmaster
  const auto again = parse_mailbox(written, utf8);
  require(again.has_value() && *again == mailbox, "a mailbox reads back as it was written");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = cordon::fuzz::as_text(data, size);
  for (const Utf8 utf8 : {Utf8::no, Utf8::yes}) {
    if (const auto bare = parse_mailbox(text, utf8)) check_mailbox(*bare, utf8);
    if (const auto forward = parse_forward_path(text, utf8)) {
      check_mailbox(forward->path, utf8);
      require(text.ends_with(forward->rest), "the rest is the end of the text");
    }
    if (const auto reverse = parse_reverse_path(text, utf8)) {
      if (!reverse->path.null) check_mailbox(reverse->path.mailbox, utf8);
      const auto again = parse_reverse_path(reverse->path.to_string(), utf8);
      require(again.has_value() && again->path == reverse->path, "a path reads back");
    }
  }
  // What is accepted in ASCII is accepted the same with SMTPUTF8.
  const auto ascii = parse_forward_path(text, Utf8::no);
  if (ascii) require(parse_forward_path(text, Utf8::yes)->path == ascii->path, "UTF-8 adds only");
  return 0;
}
