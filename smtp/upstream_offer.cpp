#include "smtp/upstream_offer.h"

#include <algorithm>
#include <charconv>

#include "smtp/sasl_client.h"
#include "smtp/text.h"

namespace cordon::smtp {
namespace {

template <typename Use>
void for_each_word(std::string_view text, Use use) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) use(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

// Servers of old write "AUTH=LOGIN PLAIN"; what stands behind either sign is read alike.
Mechanisms mechanisms_in(std::string_view names) {
  Mechanisms found = 0;
  for_each_word(names, [&](std::string_view word) {
    for (const Mechanism known :
         {Mechanism::plain, Mechanism::login, Mechanism::xoauth2, Mechanism::oauthbearer}) {
      if (same_ignoring_case(word, name_of(known))) found |= set_of(known);
    }
  });
  return found;
}

void read_extension(std::string_view line, UpstreamOffer& offer) {
  const std::size_t space = line.find_first_of(" =");
  const std::string_view keyword = line.substr(0, space);
  const auto named = [&](std::string_view name) { return same_ignoring_case(keyword, name); };
  if (named("PIPELINING")) offer.pipelining = true;
  if (named("8BITMIME")) offer.eight_bit_mime = true;
  if (named("SMTPUTF8")) offer.smtputf8 = true;
  if (named("DSN")) offer.dsn = true;
  if (named("CHUNKING")) offer.chunking = true;
  if (named("STARTTLS")) offer.starttls = true;
  if (named("ENHANCEDSTATUSCODES")) offer.enhanced_status = true;
  const std::string_view values =
      space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
  if (named("AUTH")) offer.mechanisms |= mechanisms_in(values);
  if (named("XCLIENT")) {
    offer.xclient = true;
    offer.attributes |= read_xclient_offer(values);
  }
  if (!named("SIZE")) return;
  offer.size = true;
  const std::string_view number = values;
  std::uint64_t size = 0;
  const auto read = std::from_chars(number.data(), number.data() + number.size(), size);
  if (read.ec == std::errc()) offer.max_size = size;
}

}  // namespace

void read_offer(std::string_view text, UpstreamOffer& offer) {
  offer.esmtp = true;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    text.remove_prefix(end + 1);
    read_extension(text.substr(0, text.find('\n')), offer);
  }
}

}  // namespace cordon::smtp
