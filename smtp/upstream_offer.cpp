#include "smtp/upstream_offer.h"

#include <charconv>

#include "smtp/text.h"

namespace cordon::smtp {
namespace {

void read_extension(std::string_view line, UpstreamOffer& offer) {
  const std::size_t space = line.find(' ');
  const std::string_view keyword = line.substr(0, space);
  const auto named = [&](std::string_view name) { return same_ignoring_case(keyword, name); };
  if (named("PIPELINING")) offer.pipelining = true;
  if (named("8BITMIME")) offer.eight_bit_mime = true;
  if (named("SMTPUTF8")) offer.smtputf8 = true;
  if (named("DSN")) offer.dsn = true;
  if (named("CHUNKING")) offer.chunking = true;
  if (named("STARTTLS")) offer.starttls = true;
  if (named("ENHANCEDSTATUSCODES")) offer.enhanced_status = true;
  if (!named("SIZE")) return;
  offer.size = true;
  if (space == std::string_view::npos) return;
  const std::string_view number = line.substr(space + 1);
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
