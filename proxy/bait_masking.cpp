#include "proxy/bait_masking.h"

#include <optional>

#include "proxy/control_mask.h"

namespace cordon::proxy {

std::string without_baits(const baits::Matcher& matcher, std::string_view text) {
  return mask_baits(text, [&](const std::string& mailbox) -> std::optional<baits::BaitId> {
    const auto parsed = smtp::parse_mailbox(mailbox, smtp::Utf8::yes);
    const auto hit = parsed ? matcher.match(*parsed) : std::nullopt;
    if (!hit) return std::nullopt;
    return hit->id;
  });
}

}  // namespace cordon::proxy
